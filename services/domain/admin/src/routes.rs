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
    Firmware,
    UploadScript,
    FileScript,
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
    /// About the configuration, as a whole or one thing of it.
    Site(OnSite),
}

/// What is done with the configuration, the trail of its changes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnSite {
    AuditTrail,
    History,
    Version,
    BackTo,
    SiteFilePage,
    ExportSite,
    ImportSite,
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
    EditExtension,
    ChangeExtension,
    ItemsPage(Item),
    NewItem(Item),
    EditItem(Item),
    AskDeleteItem(Item),
    RouteUp,
    SettingsPage,
    EditSection(Section),
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
        route(Get, "/assets/file.js", Asset, Anybody, Action::FileScript),
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
        page(Get, "/extensions/{}", Action::Site(OnSite::EditExtension)),
        page(
            Post,
            "/extensions/{}",
            Action::Site(OnSite::ChangeExtension),
        ),
        api(
            Post,
            "/api/extensions/{}",
            Action::Site(OnSite::ChangeExtension),
        ),
        page(Get, "/trunks", Action::Site(OnSite::ItemsPage(Item::Trunk))),
        page(
            Get,
            "/new/trunk",
            Action::Site(OnSite::NewItem(Item::Trunk)),
        ),
        page(
            Post,
            "/new/trunk",
            Action::Site(OnSite::CreateItem(Item::Trunk)),
        ),
        page(
            Get,
            "/trunks/{}",
            Action::Site(OnSite::EditItem(Item::Trunk)),
        ),
        page(
            Post,
            "/trunks/{}",
            Action::Site(OnSite::ChangeItem(Item::Trunk)),
        ),
        page(
            Get,
            "/trunks/{}/delete",
            Action::Site(OnSite::AskDeleteItem(Item::Trunk)),
        ),
        page(
            Post,
            "/trunks/{}/delete",
            Action::Site(OnSite::DeleteItem(Item::Trunk)),
        ),
        page(Get, "/groups", Action::Site(OnSite::ItemsPage(Item::Group))),
        page(
            Get,
            "/new/group",
            Action::Site(OnSite::NewItem(Item::Group)),
        ),
        page(
            Post,
            "/new/group",
            Action::Site(OnSite::CreateItem(Item::Group)),
        ),
        page(
            Get,
            "/groups/{}",
            Action::Site(OnSite::EditItem(Item::Group)),
        ),
        page(
            Post,
            "/groups/{}",
            Action::Site(OnSite::ChangeItem(Item::Group)),
        ),
        page(
            Get,
            "/groups/{}/delete",
            Action::Site(OnSite::AskDeleteItem(Item::Group)),
        ),
        page(
            Post,
            "/groups/{}/delete",
            Action::Site(OnSite::DeleteItem(Item::Group)),
        ),
        page(Get, "/times", Action::Site(OnSite::ItemsPage(Item::Times))),
        page(Get, "/new/time", Action::Site(OnSite::NewItem(Item::Times))),
        page(
            Post,
            "/new/time",
            Action::Site(OnSite::CreateItem(Item::Times)),
        ),
        page(
            Get,
            "/times/{}",
            Action::Site(OnSite::EditItem(Item::Times)),
        ),
        page(
            Post,
            "/times/{}",
            Action::Site(OnSite::ChangeItem(Item::Times)),
        ),
        page(
            Get,
            "/times/{}/delete",
            Action::Site(OnSite::AskDeleteItem(Item::Times)),
        ),
        page(
            Post,
            "/times/{}/delete",
            Action::Site(OnSite::DeleteItem(Item::Times)),
        ),
        page(
            Get,
            "/new/route",
            Action::Site(OnSite::NewItem(Item::Route)),
        ),
        page(
            Post,
            "/new/route",
            Action::Site(OnSite::CreateItem(Item::Route)),
        ),
        page(
            Get,
            "/routes/{}",
            Action::Site(OnSite::EditItem(Item::Route)),
        ),
        page(
            Post,
            "/routes/{}",
            Action::Site(OnSite::ChangeItem(Item::Route)),
        ),
        page(Post, "/routes/{}/up", Action::Site(OnSite::RouteUp)),
        page(
            Get,
            "/routes/{}/delete",
            Action::Site(OnSite::AskDeleteItem(Item::Route)),
        ),
        page(
            Post,
            "/routes/{}/delete",
            Action::Site(OnSite::DeleteItem(Item::Route)),
        ),
        page(Get, "/settings", Action::Site(OnSite::SettingsPage)),
        page(
            Get,
            "/settings/networks",
            Action::Site(OnSite::EditSection(Section::Networks)),
        ),
        page(
            Post,
            "/settings/networks",
            Action::Site(OnSite::ChangeSection(Section::Networks)),
        ),
        page(
            Get,
            "/settings/features",
            Action::Site(OnSite::EditSection(Section::Features)),
        ),
        page(
            Post,
            "/settings/features",
            Action::Site(OnSite::ChangeSection(Section::Features)),
        ),
        page(
            Get,
            "/settings/parking",
            Action::Site(OnSite::EditSection(Section::Parking)),
        ),
        page(
            Post,
            "/settings/parking",
            Action::Site(OnSite::ChangeSection(Section::Parking)),
        ),
        page(
            Get,
            "/settings/dialling",
            Action::Site(OnSite::EditSection(Section::Dialling)),
        ),
        page(
            Post,
            "/settings/dialling",
            Action::Site(OnSite::ChangeSection(Section::Dialling)),
        ),
        page(
            Get,
            "/settings/limits",
            Action::Site(OnSite::EditSection(Section::Limits)),
        ),
        page(
            Post,
            "/settings/limits",
            Action::Site(OnSite::ChangeSection(Section::Limits)),
        ),
        page(
            Get,
            "/settings/recording",
            Action::Site(OnSite::EditSection(Section::Recording)),
        ),
        page(
            Post,
            "/settings/recording",
            Action::Site(OnSite::ChangeSection(Section::Recording)),
        ),
        route(Get, "/calls", Page, Administrator, Action::Calls),
        route(Get, "/api/calls", Api, Administrator, Action::Calls),
        route(
            Get,
            "/audit",
            Page,
            Administrator,
            Action::Site(OnSite::AuditTrail),
        ),
        route(
            Get,
            "/api/audit",
            Api,
            Administrator,
            Action::Site(OnSite::AuditTrail),
        ),
        route(
            Get,
            "/history",
            Page,
            Administrator,
            Action::Site(OnSite::History),
        ),
        api(Get, "/api/history", Action::Site(OnSite::History)),
        route(
            Get,
            "/history/{}",
            Page,
            Administrator,
            Action::Site(OnSite::Version),
        ),
        api(Get, "/api/history/{}", Action::Site(OnSite::Version)),
        route(
            Post,
            "/history/{}/back",
            Page,
            Administrator,
            Action::Site(OnSite::BackTo),
        ),
        api(Post, "/api/history/{}/back", Action::Site(OnSite::BackTo)),
        route(
            Get,
            "/site",
            Page,
            Administrator,
            Action::Site(OnSite::SiteFilePage),
        ),
        route(
            Get,
            "/site.toml",
            Page,
            Administrator,
            Action::Site(OnSite::ExportSite),
        ),
        route(
            Post,
            "/site",
            Page,
            Administrator,
            Action::Site(OnSite::ImportSite),
        ),
        api(Get, "/api/site", Action::Site(OnSite::ExportSite)),
        api(Post, "/api/site", Action::Site(OnSite::ImportSite)),
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
        route(
            Get,
            "/routes",
            Page,
            Administrator,
            Action::Site(OnSite::RoutesPage),
        ),
        // Telephony; what stands before `{}` is found first, so no route may have such a name.
        api(Post, "/api/routes/explain", Action::Site(OnSite::Explain)),
        api(Get, "/api/routes/warnings", Action::Site(OnSite::Warnings)),
        api(Get, "/api/spending", Action::Site(OnSite::Spending)),
        api(Post, "/api/routes/order", Action::Site(OnSite::OrderRoutes)),
        api(
            Get,
            "/api/extensions/{}/settings",
            Action::Site(OnSite::Settings),
        ),
        api(
            Post,
            "/api/extensions/{}/settings",
            Action::Site(OnSite::ChangeSettings),
        ),
        api(
            Post,
            "/api/extensions/{}/resume",
            Action::Site(OnSite::ResumeSpending),
        ),
        api(Get, "/api/trunks", Action::Site(OnSite::Items(Item::Trunk))),
        api(
            Post,
            "/api/trunks",
            Action::Site(OnSite::CreateItem(Item::Trunk)),
        ),
        api(
            Get,
            "/api/trunks/{}",
            Action::Site(OnSite::ShowItem(Item::Trunk)),
        ),
        api(
            Post,
            "/api/trunks/{}",
            Action::Site(OnSite::ChangeItem(Item::Trunk)),
        ),
        api(
            Delete,
            "/api/trunks/{}",
            Action::Site(OnSite::DeleteItem(Item::Trunk)),
        ),
        api(Get, "/api/groups", Action::Site(OnSite::Items(Item::Group))),
        api(
            Post,
            "/api/groups",
            Action::Site(OnSite::CreateItem(Item::Group)),
        ),
        api(
            Get,
            "/api/groups/{}",
            Action::Site(OnSite::ShowItem(Item::Group)),
        ),
        api(
            Post,
            "/api/groups/{}",
            Action::Site(OnSite::ChangeItem(Item::Group)),
        ),
        api(
            Delete,
            "/api/groups/{}",
            Action::Site(OnSite::DeleteItem(Item::Group)),
        ),
        api(Get, "/api/routes", Action::Site(OnSite::Items(Item::Route))),
        api(
            Post,
            "/api/routes",
            Action::Site(OnSite::CreateItem(Item::Route)),
        ),
        api(
            Get,
            "/api/routes/{}",
            Action::Site(OnSite::ShowItem(Item::Route)),
        ),
        api(
            Post,
            "/api/routes/{}",
            Action::Site(OnSite::ChangeItem(Item::Route)),
        ),
        api(
            Delete,
            "/api/routes/{}",
            Action::Site(OnSite::DeleteItem(Item::Route)),
        ),
        api(Get, "/api/times", Action::Site(OnSite::Items(Item::Times))),
        api(
            Post,
            "/api/times",
            Action::Site(OnSite::CreateItem(Item::Times)),
        ),
        api(
            Get,
            "/api/times/{}",
            Action::Site(OnSite::ShowItem(Item::Times)),
        ),
        api(
            Post,
            "/api/times/{}",
            Action::Site(OnSite::ChangeItem(Item::Times)),
        ),
        api(
            Delete,
            "/api/times/{}",
            Action::Site(OnSite::DeleteItem(Item::Times)),
        ),
        api(
            Get,
            "/api/networks",
            Action::Site(OnSite::Section(Section::Networks)),
        ),
        api(
            Post,
            "/api/networks",
            Action::Site(OnSite::ChangeSection(Section::Networks)),
        ),
        api(
            Get,
            "/api/features",
            Action::Site(OnSite::Section(Section::Features)),
        ),
        api(
            Post,
            "/api/features",
            Action::Site(OnSite::ChangeSection(Section::Features)),
        ),
        api(
            Get,
            "/api/parking",
            Action::Site(OnSite::Section(Section::Parking)),
        ),
        api(
            Post,
            "/api/parking",
            Action::Site(OnSite::ChangeSection(Section::Parking)),
        ),
        api(
            Get,
            "/api/dialling",
            Action::Site(OnSite::Section(Section::Dialling)),
        ),
        api(
            Post,
            "/api/dialling",
            Action::Site(OnSite::ChangeSection(Section::Dialling)),
        ),
        api(
            Get,
            "/api/limits",
            Action::Site(OnSite::Section(Section::Limits)),
        ),
        api(
            Post,
            "/api/limits",
            Action::Site(OnSite::ChangeSection(Section::Limits)),
        ),
        api(
            Get,
            "/api/recording",
            Action::Site(OnSite::Section(Section::Recording)),
        ),
        api(
            Post,
            "/api/recording",
            Action::Site(OnSite::ChangeSection(Section::Recording)),
        ),
        route(
            Get,
            "/grid",
            Page,
            Administrator,
            Action::Site(OnSite::Grid),
        ),
        api(Get, "/api/grid", Action::Site(OnSite::Grid)),
        api(Post, "/api/grid/tunnel", Action::Site(OnSite::ChangeTunnel)),
        api(
            Delete,
            "/api/grid/tunnel",
            Action::Site(OnSite::DeleteTunnel),
        ),
    ]
};

/// Whether a request may bring a whole configuration, which is longer than any form.
#[must_use]
pub fn takes_file(method: Method, path: &str) -> bool {
    let import = Action::Site(OnSite::ImportSite);
    matches!(find(method, path), Found::Route(route, _) if route.action == import)
}

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

const fn page(method: Method, path: &'static str, action: Action) -> Route {
    route(method, path, Face::Page, Access::Administrator, action)
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
