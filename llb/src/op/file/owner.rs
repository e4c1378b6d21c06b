//! Owners of files.

use crate::field;
use crate::wire::Writer;

/// Owner and group of files. What is `None` stays as it would be.
///
/// Source: `WithUser` in [client/llb/fileop.go](https://github.com/moby/buildkit/blob/v0.32.2/client/llb/fileop.go).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The owner.
    pub user: Option<UserRef>,
    /// The group.
    pub group: Option<UserRef>,
}

impl Owner {
    /// Returns an owner and a group by number.
    pub fn ids(uid: u32, gid: u32) -> Self {
        Self { user: Some(UserRef::Id(uid)), group: Some(UserRef::Id(gid)) }
    }

    /// Returns what `user[:group]` means to BuildKit (`WithUser` in `client/llb/fileop.go`): decimal
    /// numbers are ids, `root` and nothing at all are 0, the rest are names.
    pub fn parse(text: &str) -> Self {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        Self { user: Some(UserRef::parse(user)), group: group.map(UserRef::parse) }
    }
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By number.
    Id(u32),
    /// By name, looked up in the file system that the chain starts from.
    Name(String),
}

impl UserRef {
    fn parse(text: &str) -> Self {
        if text.is_empty() || text == "root" {
            return Self::Id(0);
        }
        match text.parse::<i32>() {
            Ok(id) => Self::Id(id.cast_unsigned()),
            Err(_) => Self::Name(text.to_owned()),
        }
    }
}
/// Writes an owner if there is one. `base` is the input that names are looked up in.
pub(super) fn encode_owner(w: &mut Writer, field: u32, owner: Option<&Owner>, base: i64) {
    let Some(owner) = owner else { return };
    w.message(field, |w| {
        for (field, user) in [(field::chown_opt::USER, &owner.user), (field::chown_opt::GROUP, &owner.group)]
        {
            match user {
                None => {}
                Some(UserRef::Id(id)) => {
                    w.message(field, |w| w.scalar(field::user_opt::BY_ID, u64::from(*id)));
                }
                Some(UserRef::Name(name)) => w.message(field, |w| {
                    w.message(field::user_opt::BY_NAME, |w| {
                        w.string(field::named_user_opt::NAME, name);
                        w.int(field::named_user_opt::INPUT, base);
                    });
                }),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_numbers_where_they_can_be() {
        let id = |id| Some(UserRef::Id(id));
        let name = |name: &str| Some(UserRef::Name(name.to_owned()));
        for (text, user, group) in [
            ("", id(0), None),
            ("root", id(0), None),
            ("0:root", id(0), id(0)),
            ("app", name("app"), None),
            ("+5:-1", id(5), id(u32::MAX)),
            ("1000:staff", id(1000), name("staff")),
            (":", id(0), id(0)),
            ("a:b:c", name("a"), name("b:c")),
            ("4294967296", name("4294967296"), None),
        ] {
            assert_eq!(Owner::parse(text), Owner { user, group }, "{text:?}");
        }
    }
}
