//! How people sign in.

use ipc::site::SignIn as RawSignIn;

/// What is asked of people at a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// An administrator without a second factor may do nothing but set one up.
    pub administrators_second_factor: bool,
}

impl SignIn {
    pub(crate) const fn parse(raw: RawSignIn) -> Self {
        let RawSignIn {
            administrators_second_factor,
        } = raw;
        Self {
            administrators_second_factor,
        }
    }

    pub(crate) const fn to_ipc(self) -> RawSignIn {
        RawSignIn {
            administrators_second_factor: self.administrators_second_factor,
        }
    }
}
