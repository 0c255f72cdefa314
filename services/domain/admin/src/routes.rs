//! Every address that exists, as data: a test crawls this table (R4).

use crate::Method;
use crate::fault::Item;

/// One address.
#[derive(Debug)]
pub struct Route {
    /// The method it answers to.
    pub method: Method,
    /// The path; `{}` stands for one segment.
    pub path: &'static str,
    /// How it is asked and how it answers.
    pub face: Face,
    /// Who may use it.
    pub access: Access,
    pub(crate) action: Action,
}

/// How an address is asked and how it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// Forms in, HTML out.
    Page,
    /// JSON in, JSON out.
    Api,
    /// A fixed file of the pages, the same for everybody.
    Asset,
}

/// Who may use an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody: signing in, and the style of the page where one does.
    Anybody,
    /// Whoever is signed in, even with a one-time password still to be changed.
    SignedIn,
    /// Administrators.
    Administrator,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Style,
    Script,
    Icon,
    SignInPage,
    SignIn,
    SignOut,
    PasswordPage,
    ChangePassword,
    OneTimePassword,
    Status,
    RestartService,
    Extensions,
    CreateExtension,
    ConfirmDeleteExtension,
    DeleteExtension,
    Calls,
    Recordings,
    Recording,
    DeleteRecording,
    AuditTrail,
    Firmware,
    UploadScript,
    BeginUpdate,
    UpdatePiece,
    AbandonUpdate,
    FetchUpdate,
    UpdateFromStick,
    GoBack,
    Rescue,
    FactoryReset,
    RecoveryCode,
    RenewRecoveryCode,
    Restart,
    PowerOff,
    Items(Item),
    CreateItem(Item),
    ShowItem(Item),
    ChangeItem(Item),
    DeleteItem(Item),
    OrderRoutes,
    RoutesPage,
    Explain,
    Warnings,
    Spending,
    Settings,
    ChangeSettings,
    ResumeSpending,
    Section(Section),
    ChangeSection(Section),
    Grid,
    ChangeTunnel,
    DeleteTunnel,
}

/// A part of the site there is one of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    Networks,
    Features,
    Parking,
    Dialling,
    Limits,
    Recording,
}

/// The table. What is not in it does not exist.
pub const ROUTES: &[Route] = {
    use Access::{Administrator, Anybody, SignedIn};
    use Face::{Api, Asset, Page};
    use Method::{Delete, Get, Post};
    &[
        route(Get, "/assets/style.css", Asset, Anybody, Action::Style),
        route(Get, "/assets/refresh.js", Asset, Anybody, Action::Script),
        route(
            Get,
            "/assets/upload.js",
            Asset,
            Anybody,
            Action::UploadScript,
        ),
        route(Get, "/assets/icon.svg", Asset, Anybody, Action::Icon),
        route(Get, "/login", Page, Anybody, Action::SignInPage),
        route(Post, "/login", Page, Anybody, Action::SignIn),
        route(Post, "/api/login", Api, Anybody, Action::SignIn),
        route(Post, "/logout", Page, SignedIn, Action::SignOut),
        route(Post, "/api/logout", Api, SignedIn, Action::SignOut),
        route(Get, "/password", Page, SignedIn, Action::PasswordPage),
        route(Post, "/password", Page, SignedIn, Action::ChangePassword),
        route(Post, "/api/password", Api, SignedIn, Action::ChangePassword),
        route(
            Post,
            "/api/people/{}/one-time-password",
            Api,
            Administrator,
            Action::OneTimePassword,
        ),
        route(Get, "/", Page, Administrator, Action::Status),
        route(Get, "/api/status", Api, Administrator, Action::Status),
        route(
            Post,
            "/api/services/{}/restart",
            Api,
            Administrator,
            Action::RestartService,
        ),
        route(Get, "/extensions", Page, Administrator, Action::Extensions),
        route(
            Get,
            "/api/extensions",
            Api,
            Administrator,
            Action::Extensions,
        ),
        route(
            Post,
            "/extensions",
            Page,
            Administrator,
            Action::CreateExtension,
        ),
        route(
            Post,
            "/api/extensions",
            Api,
            Administrator,
            Action::CreateExtension,
        ),
        route(
            Get,
            "/extensions/{}/delete",
            Page,
            Administrator,
            Action::ConfirmDeleteExtension,
        ),
        route(
            Post,
            "/extensions/{}/delete",
            Page,
            Administrator,
            Action::DeleteExtension,
        ),
        route(
            Delete,
            "/api/extensions/{}",
            Api,
            Administrator,
            Action::DeleteExtension,
        ),
        route(Get, "/calls", Page, Administrator, Action::Calls),
        route(Get, "/api/calls", Api, Administrator, Action::Calls),
        route(Get, "/audit", Page, Administrator, Action::AuditTrail),
        route(Get, "/api/audit", Api, Administrator, Action::AuditTrail),
        api(Get, "/api/recordings", Action::Recordings),
        api(Get, "/api/recordings/{}", Action::Recording),
        api(Delete, "/api/recordings/{}", Action::DeleteRecording),
        route(Get, "/firmware", Page, Administrator, Action::Firmware),
        api(Get, "/api/firmware", Action::Firmware),
        api(Post, "/api/firmware/update", Action::BeginUpdate),
        api(Post, "/api/firmware/update/{}", Action::UpdatePiece),
        api(Delete, "/api/firmware/update", Action::AbandonUpdate),
        api(Post, "/api/firmware/fetch", Action::FetchUpdate),
        api(Post, "/api/firmware/stick", Action::UpdateFromStick),
        api(Post, "/api/firmware/back", Action::GoBack),
        api(Post, "/api/firmware/rescue", Action::Rescue),
        api(Post, "/api/firmware/reset", Action::FactoryReset),
        api(Post, "/api/firmware/recovery-code", Action::RecoveryCode),
        api(
            Post,
            "/api/firmware/recovery-code/new",
            Action::RenewRecoveryCode,
        ),
        route(
            Post,
            "/firmware/recovery-code",
            Page,
            Administrator,
            Action::RecoveryCode,
        ),
        route(
            Post,
            "/firmware/recovery-code/new",
            Page,
            Administrator,
            Action::RenewRecoveryCode,
        ),
        api(Post, "/api/restart", Action::Restart),
        api(Post, "/api/power-off", Action::PowerOff),
        route(Get, "/routes", Page, Administrator, Action::RoutesPage),
        // Telephony; what stands before `{}` is found first, so no route may have such a name.
        api(Post, "/api/routes/explain", Action::Explain),
        api(Get, "/api/routes/warnings", Action::Warnings),
        api(Get, "/api/spending", Action::Spending),
        api(Post, "/api/routes/order", Action::OrderRoutes),
        api(Get, "/api/extensions/{}/settings", Action::Settings),
        api(Post, "/api/extensions/{}/settings", Action::ChangeSettings),
        api(Post, "/api/extensions/{}/resume", Action::ResumeSpending),
        api(Get, "/api/trunks", Action::Items(Item::Trunk)),
        api(Post, "/api/trunks", Action::CreateItem(Item::Trunk)),
        api(Get, "/api/trunks/{}", Action::ShowItem(Item::Trunk)),
        api(Post, "/api/trunks/{}", Action::ChangeItem(Item::Trunk)),
        api(Delete, "/api/trunks/{}", Action::DeleteItem(Item::Trunk)),
        api(Get, "/api/groups", Action::Items(Item::Group)),
        api(Post, "/api/groups", Action::CreateItem(Item::Group)),
        api(Get, "/api/groups/{}", Action::ShowItem(Item::Group)),
        api(Post, "/api/groups/{}", Action::ChangeItem(Item::Group)),
        api(Delete, "/api/groups/{}", Action::DeleteItem(Item::Group)),
        api(Get, "/api/routes", Action::Items(Item::Route)),
        api(Post, "/api/routes", Action::CreateItem(Item::Route)),
        api(Get, "/api/routes/{}", Action::ShowItem(Item::Route)),
        api(Post, "/api/routes/{}", Action::ChangeItem(Item::Route)),
        api(Delete, "/api/routes/{}", Action::DeleteItem(Item::Route)),
        api(Get, "/api/times", Action::Items(Item::Times)),
        api(Post, "/api/times", Action::CreateItem(Item::Times)),
        api(Get, "/api/times/{}", Action::ShowItem(Item::Times)),
        api(Post, "/api/times/{}", Action::ChangeItem(Item::Times)),
        api(Delete, "/api/times/{}", Action::DeleteItem(Item::Times)),
        api(Get, "/api/networks", Action::Section(Section::Networks)),
        api(
            Post,
            "/api/networks",
            Action::ChangeSection(Section::Networks),
        ),
        api(Get, "/api/features", Action::Section(Section::Features)),
        api(
            Post,
            "/api/features",
            Action::ChangeSection(Section::Features),
        ),
        api(Get, "/api/parking", Action::Section(Section::Parking)),
        api(
            Post,
            "/api/parking",
            Action::ChangeSection(Section::Parking),
        ),
        api(Get, "/api/dialling", Action::Section(Section::Dialling)),
        api(
            Post,
            "/api/dialling",
            Action::ChangeSection(Section::Dialling),
        ),
        api(Get, "/api/limits", Action::Section(Section::Limits)),
        api(Post, "/api/limits", Action::ChangeSection(Section::Limits)),
        api(Get, "/api/recording", Action::Section(Section::Recording)),
        api(
            Post,
            "/api/recording",
            Action::ChangeSection(Section::Recording),
        ),
        route(Get, "/grid", Page, Administrator, Action::Grid),
        api(Get, "/api/grid", Action::Grid),
        api(Post, "/api/grid/tunnel", Action::ChangeTunnel),
        api(Delete, "/api/grid/tunnel", Action::DeleteTunnel),
    ]
};

/// What a request asked for.
pub(crate) enum Found {
    /// This route, with the segment that stood for `{}` (empty when there is none).
    Route(&'static Route, String),
    /// The path exists for other methods.
    OtherMethod,
    /// No such path.
    Nothing,
}

pub(crate) fn find(method: Method, path: &str) -> Found {
    let mut found = Found::Nothing;
    for route in ROUTES {
        if let Some(segment) = matches(route.path, path) {
            if route.method == method {
                return Found::Route(route, segment);
            }
            found = Found::OtherMethod;
        }
    }
    found
}

/// The segment behind `{}` when `path` fits `pattern`. No segment may be empty.
fn matches(pattern: &str, path: &str) -> Option<String> {
    let Some((before, after)) = pattern.split_once("{}") else {
        return (pattern == path).then(String::new);
    };
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    (!segment.is_empty() && !segment.contains('/')).then(|| segment.to_owned())
}

const fn api(method: Method, path: &'static str, action: Action) -> Route {
    route(method, path, Face::Api, Access::Administrator, action)
}

const fn route(
    method: Method,
    path: &'static str,
    face: Face,
    access: Access,
    action: Action,
) -> Route {
    Route {
        method,
        path,
        face,
        access,
        action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_exactly_one_segment() {
        let check = |path, expected: Option<&str>| {
            assert_eq!(matches("/a/{}/b", path).as_deref(), expected, "{path}");
        };
        check("/a/x/b", Some("x"));
        check("/a//b", None);
        check("/a/x/y/b", None);
        check("/a/b", None);
        check("/a/x/b/", None);
    }

    #[test]
    fn no_two_routes_are_the_same() {
        for (index, one) in ROUTES.iter().enumerate() {
            for other in &ROUTES[index + 1..] {
                assert!(
                    one.method != other.method || one.path != other.path,
                    "{}",
                    one.path
                );
            }
        }
    }
}
