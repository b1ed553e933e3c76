//! Ids: newtypes over `u64`, one for each kind of thing, so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

/// The reason why a text is not a valid id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// The text holds something besides the digits 0 to 9.
    #[error("it contains a character that is not a digit")]
    NotDigits,
    /// The text begins with a zero.
    #[error("it begins with a zero")]
    LeadingZero,
    /// The number needs more than 64 bits.
    #[error("it exceeds 64 bits")]
    TooLong,
}

/// Parses an id as Meta writes it: digits without a leading zero, up to 64 bits.
fn parse(text: &str) -> Result<u64, IdError> {
    match text.as_bytes() {
        [] => Err(IdError::Empty),
        bytes if !bytes.iter().all(u8::is_ascii_digit) => Err(IdError::NotDigits),
        [b'0', ..] => Err(IdError::LeadingZero),
        _ => text.parse().map_err(|_| IdError::TooLong),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The lowest number there can be, as the lower end of a range.
            pub const MIN: Self = Self(0);
            /// The highest number there can be, as the upper end of a range.
            pub const MAX: Self = Self(u64::MAX);

            /// Returns the id as the number that orders it.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

ids! {
    /// The id of a business portfolio.
    BusinessId;
    /// The id of a user as this app's token sees it (ids of users are app-scoped).
    UserId;
    /// The id of a WhatsApp Business Account.
    WabaId;
    /// The id of an app.
    AppId;
    /// The id of a Multi-Partner Solution.
    SolutionId;
}

/// What an assignment is filed under: one WABA and one user, ordered by the WABA first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentKey {
    /// The WABA on which the user holds tasks.
    pub waba: WabaId,
    /// The user who holds them.
    pub user: UserId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits_without_a_leading_zero_up_to_64_bits() {
        assert_eq!("102290129340398".parse::<WabaId>().map(WabaId::number), Ok(102_290_129_340_398));
        assert_eq!("18446744073709551615".parse::<WabaId>().map(WabaId::number), Ok(u64::MAX));
        for (text, error) in [
            ("", IdError::Empty),
            ("0", IdError::LeadingZero),
            ("0102", IdError::LeadingZero),
            ("1.10", IdError::NotDigits),
            ("+1", IdError::NotDigits),
            ("1 ", IdError::NotDigits),
            ("18446744073709551616", IdError::TooLong),
        ] {
            assert_eq!(text.parse::<WabaId>(), Err(error), "{text:?}");
        }
    }
}
