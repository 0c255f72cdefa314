//! What is done with the configuration, and with which part of it.

use crate::fault::Item;

/// What is done with the configuration, the trail of its changes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnSite {
    AuditTrail,
    VerifyTrail,
    ExportTrail,
    ReplacedTrails,
    ReplacedTrail,
    History,
    Version,
    BackTo,
    FilePage(File),
    ExportFile(File),
    ImportFile(File),
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

/// What of the site there is as a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum File {
    /// Everything, as TOML.
    #[default]
    Site,
    /// Its extensions, as CSV.
    Extensions,
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
    Retention,
    Guard,
    Countries,
    SignIn,
}
