//! No progress at all.

use super::{Display, Form};
use crate::progress::time::Nanos;
use crate::progress::trace::Trace;

pub(in crate::progress) const FORM: Form =
    Form { name: "quiet", other_names: &["none"], open: || Box::new(Silent) };

struct Silent;

impl Display for Silent {
    fn refresh(&mut self, _trace: &mut Trace, _now: Nanos) {}
    fn finish(&mut self, _trace: &mut Trace, _now: Nanos) {}
}
