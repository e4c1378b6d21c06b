//! What an engine says while it loads an image.

use serde::Deserialize;

use super::address::EngineAddress;
use super::connection::refused;
use super::error::EngineError;
use crate::progress::{Step, timestamp};

/// What an engine says while it loads: JSON objects, one after the other.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// What came and is not taken yet.
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Default, Deserialize)]
struct Message {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    error: String,
    #[serde(rename = "errorDetail", default)]
    detail: Option<ErrorDetail>,
    #[serde(rename = "progressDetail", default)]
    progress: Option<Progress>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

#[derive(Debug, Default, Deserialize)]
struct Progress {
    #[serde(default)]
    current: u64,
    #[serde(default)]
    total: u64,
}

impl Messages {
    /// Takes the messages that are whole, and shows them in `step`.
    ///
    /// # Errors
    /// [`EngineError::Refused`] where one says that the load failed, [`EngineError::Broken`] where they are no messages.
    pub(super) async fn take(
        &mut self,
        address: &EngineAddress,
        step: Option<&Step>,
    ) -> Result<(), EngineError> {
        let mut whole = serde_json::Deserializer::from_slice(&self.bytes).into_iter::<Message>();
        let mut taken = Vec::new();
        for message in whole.by_ref() {
            match message {
                Ok(message) => taken.push(message),
                Err(error) if error.is_eof() => break,
                Err(error) => {
                    return Err(EngineError::Broken { address: address.to_string(), source: error.into() });
                }
            }
        }
        let end = whole.byte_offset();
        self.bytes.drain(..end);
        for message in taken {
            let detail = message.detail.map(|detail| detail.message).filter(|words| !words.is_empty());
            if let Some(words) = detail.or(Some(message.error).filter(|words| !words.is_empty())) {
                return Err(refused(address, &words));
            }
            let Some(step) = step else { continue };
            if !message.stream.trim().is_empty() {
                step.log(message.stream.trim()).await;
            }
            if let Some(progress) = message.progress.filter(|_| !message.id.is_empty()) {
                let id = format!("loading layer {}", message.id);
                step.transfer(&id, timestamp(), progress.current, progress.total).await;
            }
        }
        Ok(())
    }
}
