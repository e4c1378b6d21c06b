//! Methods that return a struct with one field set.

/// Adds methods to a struct, each of which returns it with one field set. A field is given as it is (`value`), as
/// anything that becomes it (`into`), or as anything whose items become its own (`list`):
///
/// ```text
/// setters! { Secret {
///     with_env = into env: Option<String>;
///     with_mode = value mode: u32;
/// } }
/// ```
macro_rules! setters {
    ($struct:ty { $($method:ident = $kind:ident $field:ident: $type:ty;)* }) => {
        impl $struct {
            $(setters! { @$kind $method $field $type })*
        }
    };
    (@value $method:ident $field:ident $type:ty) => {
        #[doc = concat!("Returns this with [`", stringify!($field), "`](Self::", stringify!($field), ") set.")]
        #[must_use]
        pub fn $method(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };
    (@into $method:ident $field:ident $type:ty) => {
        #[doc = concat!("Returns this with [`", stringify!($field), "`](Self::", stringify!($field), ") set.")]
        #[must_use]
        pub fn $method(mut self, $field: impl Into<$type>) -> Self {
            self.$field = $field.into();
            self
        }
    };
    (@list $method:ident $field:ident $type:ty) => {
        #[doc = concat!("Returns this with [`", stringify!($field), "`](Self::", stringify!($field), ") set.")]
        #[must_use]
        pub fn $method(mut self, $field: impl IntoIterator<Item: Into<$type>>) -> Self {
            self.$field = $field.into_iter().map(Into::into).collect();
            self
        }
    };
}

pub(crate) use setters;
