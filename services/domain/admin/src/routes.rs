//! Every address that exists, as data: a test crawls this table (R4).

mod on_site;

pub(crate) use on_site::{File, OnSite, Section};

use crate::Method;
use crate::fault::Item;
use crate::permission::Permission::{
    self, CapturePackets, ChangeConfiguration, DeleteRecordings, HearRecordings, ManageBox,
    ManageData, ManagePeople, OwnAccount, SeeAudit, SeeCalls, SeeConfiguration, SeeEveryCall,
    SeeLog, SeePeople, SeeStatus, TraceCalls,
};
use crate::permission::Permissions;
use Access::{Anybody, HalfSignedIn, May, SignedIn, Sure};
use Action::{
    AbandonUpdate, About, AskCard, Backups, Bans, BeginUpdate, Calls, CallsFile, Capture, Card,
    Certificate, ChangePassword, Confirm, ConfirmDeleteExtension, Countries, CreateExtension,
    DeleteExtension, DeleteRecording, Events, Extensions, FactoryReset, FetchUpdate, FileScript,
    Firmware, GoBack, Icon, Logs, Masquerade, Network, OpenApi, Passkeys, PasswordPage, People,
    Person, PowerOff, Privacy, Prompts, Recording, Recordings, RecoveryCode, RenewRecoveryCode,
    Report, Rescue, Restart, RestartService, Script, SecondFactor, ShowStep, SignIn, SignInPage,
    SignOut, Site, Start, Status, Style, TakeStep, Takes, Tokens, Trace, UpdateFromStick,
    UpdatePiece, UploadScript,
};

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
    /// Whoever has said a right password, though the code of the second factor may be missing.
    HalfSignedIn,
    /// Whoever is signed in, even with a one-time password still to be changed.
    SignedIn,
    /// Whoever has this permission by their role.
    May(Permission),
    /// The same, when the password was said within the last five minutes, or a passkey used that
    /// will do.
    Sure(Permission),
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
    Confirm,
    Status,
    /// The state again and again, for a page that is open.
    Events,
    RestartService,
    /// The report on exposure and health.
    Report,
    /// The first steps on a new box.
    Start,
    ShowStep,
    TakeStep,
    AskCard,
    /// Another password for an extension.
    Card,
    Extensions,
    CreateExtension,
    ConfirmDeleteExtension,
    DeleteExtension,
    Calls,
    Privacy,
    CallsFile,
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
    SecondFactor(OnSecondFactor),
    OpenApi,
    /// What the box runs.
    About(OnAbout),
    Logs(OnLogs),
    /// About the certificate of the pages.
    Certificate(OnCertificate),
    /// About the box's address.
    Network(OnNetwork),
    Trace(OnTrace),
    Capture(OnCapture),
    /// About bans.
    Bans(OnBans),
    /// About a router that hides who comes in.
    Masquerade(OnMasquerade),
    /// Who came from which country.
    Countries,
    Tokens(OnTokens),
    /// About what is kept on one person.
    Person(OnPerson),
    /// About passkeys.
    Passkeys(OnPasskeys),
    /// About accounts.
    People(OnPeople),
    /// About the backups of the box.
    Backups(OnBackups),
    /// About the sounds of prompts.
    Prompts(OnPrompts),
    /// About what was said into a phone to become one.
    Takes(OnTakes),
    /// About the configuration, as a whole or one thing of it.
    Site(OnSite),
}

/// What is asked about the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnLogs {
    Show,
    Events,
    File,
}

/// What is done with the capture of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnCapture {
    Show,
    Events,
    Begin,
    End,
    File,
}

/// What is done about bans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnBans {
    Show,
    Events,
    /// Nobody was banned before.
    SwitchOn,
    Unban,
}

/// What is done about a router that hides who comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnMasquerade {
    Show,
    Events,
    /// Forget what was seen.
    Again,
}

/// What is done with the trace of SIP messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnTrace {
    Show,
    Events,
    Begin,
    End,
    Message,
    File,
}

/// What is asked about the image that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnAbout {
    Show,
    Bill,
    Texts,
    Text,
}

/// What is done about somebody's second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnSecondFactor {
    CodePage,
    Code,
    Show,
    Offer,
    Keep,
    Remove,
    RemoveOf,
}

/// What is done about passkeys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnPasskeys {
    Script,
    List,
    Offer,
    Keep,
    Remove,
    RemoveAllOf,
    /// A challenge for signing in.
    AskSignIn,
    SignIn,
    /// A challenge for completing a sign-in.
    AskSecond,
    Second,
    /// A challenge for saying again who one is.
    AskConfirm,
    Confirm,
}

/// What is done about the certificate of the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnCertificate {
    Show,
    /// A new key, and a request that others sign.
    Request,
    /// That request as a file.
    RequestFile,
    /// What they have signed is served.
    Set,
    /// What the box has signed itself is.
    SelfSigned,
}

/// What is done about the box's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnNetwork {
    Show,
    /// Another one, for some minutes.
    Try,
    /// The one that is tried, from now on.
    Keep,
    /// The one from before the trial.
    Return,
}

/// What is done about tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnTokens {
    List,
    Create,
    Revoke,
    RevokeAllOf,
}

/// What is done about what is kept on one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnPerson {
    Show,
    Export,
    Erase,
}

/// What is done about accounts of people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnPeople {
    List,
    New,
    Create,
    Show,
    Change,
    AskDelete,
    Delete,
    OneTimePassword,
}

/// What is done with backups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnBackups {
    Script,
    List,
    Make,
    Download,
    NewCode,
    Upload,
    Restore,
    Progress,
    ProgressParts,
}

/// What is done with prompts and their sounds; the rest as with everything in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnPrompts {
    Script,
    List,
    Upload,
    Keep,
    Hear,
    DeleteSound,
    /// A prompt with its sound.
    Delete,
}

/// What is done with what was said into a phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnTakes {
    List,
    Hear,
    Keep,
    Delete,
}

/// Writes the table one line a route: method, face, address, who may use it, and what is done.
macro_rules! routes {
    ($($method:ident $face:ident $path:literal $access:expr => $action:expr;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            face: Face::$face,
            access: $access,
            action: $action,
        }),*]
    };
}

/// The table. What is not in it does not exist.
pub const ROUTES: &[Route] = routes! {
    Get Asset "/assets/style.css" Anybody => Style;
    Get Asset "/assets/live.js" Anybody => Script;
    Get Asset "/assets/upload.js" Anybody => UploadScript;
    Get Asset "/assets/file.js" Anybody => FileScript;
    Get Asset "/assets/backup.js" Anybody => Backups(OnBackups::Script);
    Get Asset "/assets/prompt.js" Anybody => Prompts(OnPrompts::Script);
    Get Asset "/assets/passkey.js" Anybody => Passkeys(OnPasskeys::Script);
    Get Asset "/assets/icon.svg" Anybody => Icon;
    Get Page "/login" Anybody => SignInPage;
    Post Page "/login" Anybody => SignIn;
    Post Api "/api/login" Anybody => SignIn;
    Post Page "/login/passkey" Anybody => Passkeys(OnPasskeys::SignIn);
    Post Api "/api/login/passkey" Anybody => Passkeys(OnPasskeys::SignIn);
    Post Api "/api/login/passkey/new" Anybody => Passkeys(OnPasskeys::AskSignIn);
    Get Page "/code" HalfSignedIn => SecondFactor(OnSecondFactor::CodePage);
    Post Page "/code" HalfSignedIn => SecondFactor(OnSecondFactor::Code);
    Post Api "/api/code" HalfSignedIn => SecondFactor(OnSecondFactor::Code);
    Post Page "/code/passkey" HalfSignedIn => Passkeys(OnPasskeys::Second);
    Post Api "/api/code/passkey" HalfSignedIn => Passkeys(OnPasskeys::Second);
    Post Api "/api/code/passkey/new" HalfSignedIn => Passkeys(OnPasskeys::AskSecond);
    Post Page "/logout" HalfSignedIn => SignOut;
    Post Api "/api/logout" HalfSignedIn => SignOut;
    Get Page "/second-factor" May(OwnAccount) => SecondFactor(OnSecondFactor::Show);
    Get Api "/api/second-factor" May(OwnAccount) => SecondFactor(OnSecondFactor::Show);
    Post Page "/second-factor/new" Sure(OwnAccount) => SecondFactor(OnSecondFactor::Offer);
    Post Api "/api/second-factor/new" Sure(OwnAccount) => SecondFactor(OnSecondFactor::Offer);
    Post Page "/second-factor" May(OwnAccount) => SecondFactor(OnSecondFactor::Keep);
    Post Api "/api/second-factor" May(OwnAccount) => SecondFactor(OnSecondFactor::Keep);
    Post Page "/second-factor/off" Sure(OwnAccount) => SecondFactor(OnSecondFactor::Remove);
    Delete Api "/api/second-factor" Sure(OwnAccount) => SecondFactor(OnSecondFactor::Remove);
    Get Page "/passkeys" May(OwnAccount) => Passkeys(OnPasskeys::List);
    Get Api "/api/passkeys" May(OwnAccount) => Passkeys(OnPasskeys::List);
    Post Page "/passkeys/new" Sure(OwnAccount) => Passkeys(OnPasskeys::Offer);
    Post Api "/api/passkeys/new" Sure(OwnAccount) => Passkeys(OnPasskeys::Offer);
    Post Page "/passkeys" May(OwnAccount) => Passkeys(OnPasskeys::Keep);
    Post Api "/api/passkeys" May(OwnAccount) => Passkeys(OnPasskeys::Keep);
    Post Page "/passkeys/{}/delete" Sure(OwnAccount) => Passkeys(OnPasskeys::Remove);
    Delete Api "/api/passkeys/{}" Sure(OwnAccount) => Passkeys(OnPasskeys::Remove);
    Get Page "/password" SignedIn => PasswordPage;
    Post Page "/password" SignedIn => ChangePassword;
    Post Api "/api/password" SignedIn => ChangePassword;
    Post Api "/api/confirm" SignedIn => Confirm;
    Post Api "/api/confirm/passkey" SignedIn => Passkeys(OnPasskeys::Confirm);
    Post Api "/api/confirm/passkey/new" SignedIn => Passkeys(OnPasskeys::AskConfirm);
    // Every role may, and a program may be given it.
    Get Api "/api/openapi.json" May(SeeCalls) => OpenApi;
    Get Page "/logs" May(SeeLog) => Logs(OnLogs::Show);
    Get Page "/logs/events" May(SeeLog) => Logs(OnLogs::Events);
    Get Page "/logs.txt" May(SeeLog) => Logs(OnLogs::File);
    Get Api "/api/logs" May(SeeLog) => Logs(OnLogs::Show);
    Get Page "/trace" May(TraceCalls) => Trace(OnTrace::Show);
    Get Page "/trace/events" May(TraceCalls) => Trace(OnTrace::Events);
    Post Page "/trace" Sure(TraceCalls) => Trace(OnTrace::Begin);
    Post Page "/trace/end" May(TraceCalls) => Trace(OnTrace::End);
    Get Page "/trace/messages/{}" May(TraceCalls) => Trace(OnTrace::Message);
    Get Page "/trace.pcap" May(TraceCalls) => Trace(OnTrace::File);
    Get Api "/api/trace" May(TraceCalls) => Trace(OnTrace::Show);
    Post Api "/api/trace" Sure(TraceCalls) => Trace(OnTrace::Begin);
    Delete Api "/api/trace" May(TraceCalls) => Trace(OnTrace::End);
    Get Api "/api/trace/messages/{}" May(TraceCalls) => Trace(OnTrace::Message);
    Get Api "/api/trace/file" May(TraceCalls) => Trace(OnTrace::File);
    Get Page "/capture" May(CapturePackets) => Capture(OnCapture::Show);
    Get Page "/capture/events" May(CapturePackets) => Capture(OnCapture::Events);
    Post Page "/capture" Sure(CapturePackets) => Capture(OnCapture::Begin);
    Post Page "/capture/end" May(CapturePackets) => Capture(OnCapture::End);
    Get Page "/capture.pcap" May(CapturePackets) => Capture(OnCapture::File);
    Post Page "/capture.pcap" May(CapturePackets) => Capture(OnCapture::File);
    Get Api "/api/capture" May(CapturePackets) => Capture(OnCapture::Show);
    Post Api "/api/capture" Sure(CapturePackets) => Capture(OnCapture::Begin);
    Delete Api "/api/capture" May(CapturePackets) => Capture(OnCapture::End);
    Get Api "/api/capture/file" May(CapturePackets) => Capture(OnCapture::File);
    Get Page "/bans" May(SeeConfiguration) => Bans(OnBans::Show);
    Get Page "/bans/events" May(SeeConfiguration) => Bans(OnBans::Events);
    Post Page "/bans/on" May(ChangeConfiguration) => Bans(OnBans::SwitchOn);
    Post Page "/bans/unban" May(ManageBox) => Bans(OnBans::Unban);
    Get Api "/api/bans" May(SeeConfiguration) => Bans(OnBans::Show);
    Post Api "/api/bans/unban" May(ManageBox) => Bans(OnBans::Unban);
    Get Page "/masquerade" May(SeeConfiguration) => Masquerade(OnMasquerade::Show);
    Get Page "/masquerade/events" May(SeeConfiguration) => Masquerade(OnMasquerade::Events);
    Post Page "/masquerade/again" May(ManageBox) => Masquerade(OnMasquerade::Again);
    Get Api "/api/masquerade" May(SeeConfiguration) => Masquerade(OnMasquerade::Show);
    Post Api "/api/masquerade/again" May(ManageBox) => Masquerade(OnMasquerade::Again);
    Get Page "/countries" May(SeeConfiguration) => Countries;
    Get Api "/api/countries/arrivals" May(SeeConfiguration) => Countries;
    Get Page "/about" May(SeeCalls) => About(OnAbout::Show);
    Get Api "/api/about" May(SeeCalls) => About(OnAbout::Show);
    Get Page "/about/sbom" May(SeeCalls) => About(OnAbout::Bill);
    Get Api "/api/about/sbom" May(SeeCalls) => About(OnAbout::Bill);
    Get Page "/about/licences" May(SeeCalls) => About(OnAbout::Texts);
    Get Api "/api/about/licences" May(SeeCalls) => About(OnAbout::Texts);
    Get Page "/about/licences/{}" May(SeeCalls) => About(OnAbout::Text);
    Get Api "/api/about/licences/{}" May(SeeCalls) => About(OnAbout::Text);
    Get Page "/people" May(SeePeople) => People(OnPeople::List);
    Get Api "/api/people" May(SeePeople) => People(OnPeople::List);
    Get Page "/new/person" May(ManagePeople) => People(OnPeople::New);
    Post Page "/new/person" Sure(ManagePeople) => People(OnPeople::Create);
    Post Api "/api/people" Sure(ManagePeople) => People(OnPeople::Create);
    Get Page "/people/{}" May(SeePeople) => People(OnPeople::Show);
    Get Api "/api/people/{}" May(SeePeople) => People(OnPeople::Show);
    Post Page "/people/{}" Sure(ManagePeople) => People(OnPeople::Change);
    Post Api "/api/people/{}" Sure(ManagePeople) => People(OnPeople::Change);
    Get Page "/people/{}/delete" May(ManagePeople) => People(OnPeople::AskDelete);
    Post Page "/people/{}/delete" Sure(ManagePeople) => People(OnPeople::Delete);
    Delete Api "/api/people/{}" Sure(ManagePeople) => People(OnPeople::Delete);
    Post Page "/people/{}/one-time-password" Sure(ManagePeople) =>
        People(OnPeople::OneTimePassword);
    Post Api "/api/people/{}/one-time-password" Sure(ManagePeople) =>
        People(OnPeople::OneTimePassword);
    Post Page "/people/{}/second-factor-off" Sure(ManagePeople) =>
        SecondFactor(OnSecondFactor::RemoveOf);
    Delete Api "/api/people/{}/second-factor" Sure(ManagePeople) =>
        SecondFactor(OnSecondFactor::RemoveOf);
    Post Page "/people/{}/passkeys/delete" Sure(ManagePeople) =>
        Passkeys(OnPasskeys::RemoveAllOf);
    Delete Api "/api/people/{}/passkeys" Sure(ManagePeople) => Passkeys(OnPasskeys::RemoveAllOf);
    Get Page "/tokens" May(OwnAccount) => Tokens(OnTokens::List);
    Get Api "/api/tokens" May(OwnAccount) => Tokens(OnTokens::List);
    Post Page "/tokens" Sure(OwnAccount) => Tokens(OnTokens::Create);
    Post Api "/api/tokens" Sure(OwnAccount) => Tokens(OnTokens::Create);
    Post Page "/tokens/{}/delete" May(OwnAccount) => Tokens(OnTokens::Revoke);
    Delete Api "/api/tokens/{}" May(OwnAccount) => Tokens(OnTokens::Revoke);
    Post Page "/people/{}/tokens/delete" Sure(ManagePeople) => Tokens(OnTokens::RevokeAllOf);
    Delete Api "/api/people/{}/tokens" Sure(ManagePeople) => Tokens(OnTokens::RevokeAllOf);
    Get Page "/" May(SeeStatus) => Status;
    Get Page "/events" May(SeeStatus) => Events;
    Get Api "/api/status" May(SeeStatus) => Status;
    Post Api "/api/services/{}/restart" May(ManageBox) => RestartService;
    Get Page "/report" May(SeeConfiguration) => Report;
    Get Api "/api/report" May(SeeConfiguration) => Report;
    Get Page "/start" May(ChangeConfiguration) => Start;
    Get Page "/start/{}" May(ChangeConfiguration) => ShowStep;
    Post Page "/start/{}" May(ChangeConfiguration) => TakeStep;
    Get Page "/extensions/{}/card" May(ChangeConfiguration) => AskCard;
    Post Page "/extensions/{}/card" May(ChangeConfiguration) => Card;
    Post Api "/api/extensions/{}/password" May(ChangeConfiguration) => Card;
    Get Page "/extensions" May(SeeConfiguration) => Extensions;
    Get Api "/api/extensions" May(SeeConfiguration) => Extensions;
    Post Page "/extensions" May(ChangeConfiguration) => CreateExtension;
    Post Api "/api/extensions" May(ChangeConfiguration) => CreateExtension;
    Get Page "/extensions/{}/delete" May(ChangeConfiguration) => ConfirmDeleteExtension;
    Post Page "/extensions/{}/delete" May(ChangeConfiguration) => DeleteExtension;
    Delete Api "/api/extensions/{}" May(ChangeConfiguration) => DeleteExtension;
    Get Page "/extensions/{}" May(SeeConfiguration) => Site(OnSite::EditExtension);
    Post Page "/extensions/{}" May(ChangeConfiguration) => Site(OnSite::ChangeExtension);
    Post Api "/api/extensions/{}" May(ChangeConfiguration) => Site(OnSite::ChangeExtension);
    Get Page "/extension-list" May(SeeConfiguration) => Site(OnSite::FilePage(File::Extensions));
    Get Page "/extension-list.csv" May(SeeConfiguration) =>
        Site(OnSite::ExportFile(File::Extensions));
    Get Api "/api/extension-list" May(SeeConfiguration) =>
        Site(OnSite::ExportFile(File::Extensions));
    Post Page "/extension-list" May(ChangeConfiguration) =>
        Site(OnSite::ImportFile(File::Extensions));
    Post Api "/api/extension-list" May(ChangeConfiguration) =>
        Site(OnSite::ImportFile(File::Extensions));
    Get Page "/trunks" May(SeeConfiguration) => Site(OnSite::ItemsPage(Item::Trunk));
    Get Page "/new/trunk" May(ChangeConfiguration) => Site(OnSite::NewItem(Item::Trunk));
    Post Page "/new/trunk" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Trunk));
    Get Page "/trunks/{}" May(SeeConfiguration) => Site(OnSite::EditItem(Item::Trunk));
    Post Page "/trunks/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Trunk));
    Get Page "/trunks/{}/delete" May(ChangeConfiguration) =>
        Site(OnSite::AskDeleteItem(Item::Trunk));
    Post Page "/trunks/{}/delete" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Trunk));
    Get Page "/groups" May(SeeConfiguration) => Site(OnSite::ItemsPage(Item::Group));
    Get Page "/new/group" May(ChangeConfiguration) => Site(OnSite::NewItem(Item::Group));
    Post Page "/new/group" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Group));
    Get Page "/groups/{}" May(SeeConfiguration) => Site(OnSite::EditItem(Item::Group));
    Post Page "/groups/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Group));
    Get Page "/groups/{}/delete" May(ChangeConfiguration) =>
        Site(OnSite::AskDeleteItem(Item::Group));
    Post Page "/groups/{}/delete" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Group));
    Get Page "/times" May(SeeConfiguration) => Site(OnSite::ItemsPage(Item::Times));
    Get Page "/new/time" May(ChangeConfiguration) => Site(OnSite::NewItem(Item::Times));
    Post Page "/new/time" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Times));
    Get Page "/times/{}" May(SeeConfiguration) => Site(OnSite::EditItem(Item::Times));
    Post Page "/times/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Times));
    Get Page "/times/{}/delete" May(ChangeConfiguration) =>
        Site(OnSite::AskDeleteItem(Item::Times));
    Post Page "/times/{}/delete" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Times));
    Get Page "/prompts" May(SeeConfiguration) => Prompts(OnPrompts::List);
    Get Page "/new/prompt" May(ChangeConfiguration) => Site(OnSite::NewItem(Item::Prompt));
    Post Page "/new/prompt" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Prompt));
    Get Page "/prompts/{}" May(SeeConfiguration) => Site(OnSite::EditItem(Item::Prompt));
    Post Page "/prompts/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Prompt));
    Get Page "/prompts/{}/delete" May(ChangeConfiguration) =>
        Site(OnSite::AskDeleteItem(Item::Prompt));
    Post Page "/prompts/{}/delete" May(ChangeConfiguration) => Prompts(OnPrompts::Delete);
    Post Page "/prompts/{}/sound-off" May(ChangeConfiguration) => Prompts(OnPrompts::DeleteSound);
    Post Page "/takes/{}" May(ChangeConfiguration) => Takes(OnTakes::Keep);
    Post Page "/takes/{}/delete" May(ChangeConfiguration) => Takes(OnTakes::Delete);
    Get Page "/new/route" May(ChangeConfiguration) => Site(OnSite::NewItem(Item::Route));
    Post Page "/new/route" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Route));
    Get Page "/routes/{}" May(SeeConfiguration) => Site(OnSite::EditItem(Item::Route));
    Post Page "/routes/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Route));
    Post Page "/routes/{}/up" May(ChangeConfiguration) => Site(OnSite::RouteUp);
    Get Page "/routes/{}/delete" May(ChangeConfiguration) =>
        Site(OnSite::AskDeleteItem(Item::Route));
    Post Page "/routes/{}/delete" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Route));
    Get Page "/settings" May(SeeConfiguration) => Site(OnSite::SettingsPage);
    Get Page "/settings/networks" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Networks));
    Post Page "/settings/networks" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Networks));
    Get Page "/settings/features" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Features));
    Post Page "/settings/features" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Features));
    Get Page "/settings/parking" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Parking));
    Post Page "/settings/parking" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Parking));
    Get Page "/settings/dialling" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Dialling));
    Post Page "/settings/dialling" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Dialling));
    Get Page "/settings/limits" May(SeeConfiguration) => Site(OnSite::EditSection(Section::Limits));
    Post Page "/settings/limits" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Limits));
    Get Page "/settings/recording" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Recording));
    Post Page "/settings/recording" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Recording));
    Get Page "/settings/retention" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Retention));
    Post Page "/settings/retention" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Retention));
    Get Page "/settings/bans" May(SeeConfiguration) => Site(OnSite::EditSection(Section::Guard));
    Post Page "/settings/bans" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Guard));
    Get Page "/settings/countries" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::Countries));
    Post Page "/settings/countries" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Countries));
    Get Page "/settings/sign-in" May(SeeConfiguration) =>
        Site(OnSite::EditSection(Section::SignIn));
    Post Page "/settings/sign-in" Sure(ManagePeople) =>
        Site(OnSite::ChangeSection(Section::SignIn));
    Get Page "/privacy" May(SeeConfiguration) => Privacy;
    Get Api "/api/privacy" May(SeeConfiguration) => Privacy;
    Get Page "/privacy/person" May(ManageData) => Person(OnPerson::Show);
    Post Page "/privacy/export" Sure(ManageData) => Person(OnPerson::Export);
    Post Api "/api/privacy/export" Sure(ManageData) => Person(OnPerson::Export);
    Post Page "/privacy/erase" Sure(ManageData) => Person(OnPerson::Erase);
    Post Api "/api/privacy/erase" Sure(ManageData) => Person(OnPerson::Erase);
    Get Page "/calls" May(SeeCalls) => Calls;
    Get Page "/calls.csv" May(SeeCalls) => CallsFile;
    Get Api "/api/calls" May(SeeCalls) => Calls;
    Get Page "/audit" May(SeeAudit) => Site(OnSite::AuditTrail);
    Get Api "/api/audit" May(SeeAudit) => Site(OnSite::AuditTrail);
    Get Page "/audit/verify" May(SeeAudit) => Site(OnSite::VerifyTrail);
    Get Api "/api/audit/verify" May(SeeAudit) => Site(OnSite::VerifyTrail);
    Get Page "/audit/replaced/{}" May(SeeAudit) => Site(OnSite::ReplacedTrail);
    Get Api "/api/audit/replaced" May(SeeAudit) => Site(OnSite::ReplacedTrails);
    Get Api "/api/audit/replaced/{}" May(SeeAudit) => Site(OnSite::ReplacedTrail);
    Get Page "/audit/export" May(SeeAudit) => Site(OnSite::ExportTrail);
    Get Api "/api/audit/export" May(SeeAudit) => Site(OnSite::ExportTrail);
    Get Page "/history" May(SeeConfiguration) => Site(OnSite::History);
    Get Api "/api/history" May(SeeConfiguration) => Site(OnSite::History);
    Get Page "/history/{}" May(SeeConfiguration) => Site(OnSite::Version);
    Get Api "/api/history/{}" May(SeeConfiguration) => Site(OnSite::Version);
    Post Page "/history/{}/back" May(ChangeConfiguration) => Site(OnSite::BackTo);
    Post Api "/api/history/{}/back" May(ChangeConfiguration) => Site(OnSite::BackTo);
    Get Page "/site" May(SeeConfiguration) => Site(OnSite::FilePage(File::Site));
    Get Page "/site.toml" May(SeeConfiguration) => Site(OnSite::ExportFile(File::Site));
    Post Page "/site" May(ChangeConfiguration) => Site(OnSite::ImportFile(File::Site));
    Get Api "/api/site" May(SeeConfiguration) => Site(OnSite::ExportFile(File::Site));
    Post Api "/api/site" May(ChangeConfiguration) => Site(OnSite::ImportFile(File::Site));
    Get Api "/api/recordings" May(HearRecordings) => Recordings;
    Get Api "/api/recordings/{}" May(HearRecordings) => Recording;
    Delete Api "/api/recordings/{}" Sure(DeleteRecordings) => DeleteRecording;
    Get Page "/backups" May(ManageBox) => Backups(OnBackups::List);
    Post Page "/backups" May(ManageBox) => Backups(OnBackups::Make);
    Get Page "/backups/restore" May(ManageData) => Backups(OnBackups::Progress);
    Get Page "/backups/restore/events" May(ManageData) => Backups(OnBackups::ProgressParts);
    Get Api "/api/backups/restore" May(ManageData) => Backups(OnBackups::Progress);
    Get Page "/backups/{}" May(ManageData) => Backups(OnBackups::Download);
    Post Page "/backups/code" Sure(ManageData) => Backups(OnBackups::NewCode);
    Post Page "/backups/restore" Sure(ManageData) => Backups(OnBackups::Restore);
    Get Api "/api/backups" May(ManageBox) => Backups(OnBackups::List);
    Post Api "/api/backups" May(ManageBox) => Backups(OnBackups::Make);
    Get Api "/api/backups/{}" May(ManageData) => Backups(OnBackups::Download);
    Post Api "/api/backups/code" Sure(ManageData) => Backups(OnBackups::NewCode);
    Post Api "/api/backups/restore" Sure(ManageData) => Backups(OnBackups::Restore);
    Post Api "/api/backups/upload/{}" May(ManageData) => Backups(OnBackups::Upload);
    Get Page "/firmware" May(ManageBox) => Firmware;
    Get Api "/api/firmware" May(ManageBox) => Firmware;
    Post Api "/api/firmware/update" May(ManageBox) => BeginUpdate;
    Post Api "/api/firmware/update/{}" May(ManageBox) => UpdatePiece;
    Delete Api "/api/firmware/update" May(ManageBox) => AbandonUpdate;
    Post Api "/api/firmware/fetch" May(ManageBox) => FetchUpdate;
    Post Api "/api/firmware/stick" May(ManageBox) => UpdateFromStick;
    Post Api "/api/firmware/back" May(ManageBox) => GoBack;
    Post Api "/api/firmware/rescue" Sure(ManageBox) => Rescue;
    Post Api "/api/firmware/reset" Sure(ManageData) => FactoryReset;
    Post Api "/api/firmware/recovery-code" Sure(ManageData) => RecoveryCode;
    Post Api "/api/firmware/recovery-code/new" Sure(ManageData) => RenewRecoveryCode;
    Post Page "/firmware/recovery-code" Sure(ManageData) => RecoveryCode;
    Post Page "/firmware/recovery-code/new" Sure(ManageData) => RenewRecoveryCode;
    Post Api "/api/restart" May(ManageBox) => Restart;
    Post Api "/api/power-off" May(ManageBox) => PowerOff;
    // Telephony; what stands before `{}` is found first, so no route may have such a name.
    Get Page "/routes" May(SeeConfiguration) => Site(OnSite::RoutesPage);
    Post Api "/api/routes/explain" May(SeeConfiguration) => Site(OnSite::Explain);
    Get Api "/api/routes/warnings" May(SeeConfiguration) => Site(OnSite::Warnings);
    Get Api "/api/spending" May(SeeEveryCall) => Site(OnSite::Spending);
    Post Api "/api/routes/order" May(ChangeConfiguration) => Site(OnSite::OrderRoutes);
    Get Api "/api/extensions/{}/settings" May(SeeConfiguration) => Site(OnSite::Settings);
    Post Api "/api/extensions/{}/settings" May(ChangeConfiguration) => Site(OnSite::ChangeSettings);
    Post Api "/api/extensions/{}/resume" May(ChangeConfiguration) => Site(OnSite::ResumeSpending);
    Get Api "/api/trunks" May(SeeConfiguration) => Site(OnSite::Items(Item::Trunk));
    Post Api "/api/trunks" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Trunk));
    Get Api "/api/trunks/{}" May(SeeConfiguration) => Site(OnSite::ShowItem(Item::Trunk));
    Post Api "/api/trunks/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Trunk));
    Delete Api "/api/trunks/{}" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Trunk));
    Get Api "/api/groups" May(SeeConfiguration) => Site(OnSite::Items(Item::Group));
    Post Api "/api/groups" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Group));
    Get Api "/api/groups/{}" May(SeeConfiguration) => Site(OnSite::ShowItem(Item::Group));
    Post Api "/api/groups/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Group));
    Delete Api "/api/groups/{}" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Group));
    Get Api "/api/routes" May(SeeConfiguration) => Site(OnSite::Items(Item::Route));
    Post Api "/api/routes" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Route));
    Get Api "/api/routes/{}" May(SeeConfiguration) => Site(OnSite::ShowItem(Item::Route));
    Post Api "/api/routes/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Route));
    Delete Api "/api/routes/{}" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Route));
    Get Api "/api/times" May(SeeConfiguration) => Site(OnSite::Items(Item::Times));
    Post Api "/api/times" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Times));
    Get Api "/api/times/{}" May(SeeConfiguration) => Site(OnSite::ShowItem(Item::Times));
    Post Api "/api/times/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Times));
    Delete Api "/api/times/{}" May(ChangeConfiguration) => Site(OnSite::DeleteItem(Item::Times));
    Get Api "/api/prompts" May(SeeConfiguration) => Prompts(OnPrompts::List);
    Post Api "/api/prompts" May(ChangeConfiguration) => Site(OnSite::CreateItem(Item::Prompt));
    Post Api "/api/prompts/upload/{}" May(ChangeConfiguration) => Prompts(OnPrompts::Upload);
    Get Api "/api/prompts/{}" May(SeeConfiguration) => Site(OnSite::ShowItem(Item::Prompt));
    Post Api "/api/prompts/{}" May(ChangeConfiguration) => Site(OnSite::ChangeItem(Item::Prompt));
    Delete Api "/api/prompts/{}" May(ChangeConfiguration) => Prompts(OnPrompts::Delete);
    Get Api "/api/prompts/{}/sound" May(SeeConfiguration) => Prompts(OnPrompts::Hear);
    Post Api "/api/prompts/{}/sound" May(ChangeConfiguration) => Prompts(OnPrompts::Keep);
    Delete Api "/api/prompts/{}/sound" May(ChangeConfiguration) => Prompts(OnPrompts::DeleteSound);
    Get Api "/api/takes" May(ChangeConfiguration) => Takes(OnTakes::List);
    Get Api "/api/takes/{}" May(ChangeConfiguration) => Takes(OnTakes::Hear);
    Post Api "/api/takes/{}" May(ChangeConfiguration) => Takes(OnTakes::Keep);
    Delete Api "/api/takes/{}" May(ChangeConfiguration) => Takes(OnTakes::Delete);
    Get Api "/api/networks" May(SeeConfiguration) => Site(OnSite::Section(Section::Networks));
    Post Api "/api/networks" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Networks));
    Get Api "/api/features" May(SeeConfiguration) => Site(OnSite::Section(Section::Features));
    Post Api "/api/features" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Features));
    Get Api "/api/parking" May(SeeConfiguration) => Site(OnSite::Section(Section::Parking));
    Post Api "/api/parking" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Parking));
    Get Api "/api/dialling" May(SeeConfiguration) => Site(OnSite::Section(Section::Dialling));
    Post Api "/api/dialling" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Dialling));
    Get Api "/api/limits" May(SeeConfiguration) => Site(OnSite::Section(Section::Limits));
    Post Api "/api/limits" May(ChangeConfiguration) => Site(OnSite::ChangeSection(Section::Limits));
    Get Api "/api/recording" May(SeeConfiguration) => Site(OnSite::Section(Section::Recording));
    Post Api "/api/recording" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Recording));
    Get Api "/api/retention" May(SeeConfiguration) => Site(OnSite::Section(Section::Retention));
    Post Api "/api/retention" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Retention));
    Get Api "/api/guard" May(SeeConfiguration) => Site(OnSite::Section(Section::Guard));
    Post Api "/api/guard" May(ChangeConfiguration) => Site(OnSite::ChangeSection(Section::Guard));
    Get Api "/api/countries" May(SeeConfiguration) => Site(OnSite::Section(Section::Countries));
    Post Api "/api/countries" May(ChangeConfiguration) =>
        Site(OnSite::ChangeSection(Section::Countries));
    Get Api "/api/sign-in" May(SeeConfiguration) => Site(OnSite::Section(Section::SignIn));
    Post Api "/api/sign-in" Sure(ManagePeople) => Site(OnSite::ChangeSection(Section::SignIn));
    Get Page "/network" May(SeeConfiguration) => Network(OnNetwork::Show);
    Get Api "/api/network" May(SeeConfiguration) => Network(OnNetwork::Show);
    Post Page "/network" Sure(ManageBox) => Network(OnNetwork::Try);
    Post Api "/api/network/trial" Sure(ManageBox) => Network(OnNetwork::Try);
    Post Page "/network/keep" May(ManageBox) => Network(OnNetwork::Keep);
    Post Api "/api/network/keep" May(ManageBox) => Network(OnNetwork::Keep);
    Post Page "/network/return" May(ManageBox) => Network(OnNetwork::Return);
    Delete Api "/api/network/trial" May(ManageBox) => Network(OnNetwork::Return);
    Get Page "/certificate" May(SeeConfiguration) => Certificate(OnCertificate::Show);
    Get Api "/api/certificate" May(SeeConfiguration) => Certificate(OnCertificate::Show);
    // It forgets the key for which an authority may be signing at this moment.
    Post Page "/certificate/request" Sure(ManageBox) => Certificate(OnCertificate::Request);
    Post Api "/api/certificate/request" Sure(ManageBox) => Certificate(OnCertificate::Request);
    Get Page "/certificate/request.pem" May(ManageBox) => Certificate(OnCertificate::RequestFile);
    // A program that has it renewed may: for the key that is served, once one is signed by others.
    Post Page "/certificate" May(ManageBox) => Certificate(OnCertificate::Set);
    Post Api "/api/certificate" May(ManageBox) => Certificate(OnCertificate::Set);
    Post Page "/certificate/self-signed" Sure(ManageBox) => Certificate(OnCertificate::SelfSigned);
    Delete Api "/api/certificate" Sure(ManageBox) => Certificate(OnCertificate::SelfSigned);
    Get Page "/grid" May(SeeConfiguration) => Site(OnSite::Grid);
    Get Api "/api/grid" May(SeeConfiguration) => Site(OnSite::Grid);
    Post Api "/api/grid/tunnel" May(ChangeConfiguration) => Site(OnSite::ChangeTunnel);
    Delete Api "/api/grid/tunnel" May(ChangeConfiguration) => Site(OnSite::DeleteTunnel);
};

/// Whether a request may bring a whole configuration, which is longer than any form.
#[must_use]
pub fn takes_file(method: Method, path: &str) -> bool {
    let import = Site(OnSite::ImportFile(File::Site));
    matches!(find(method, path), Found::Route(route, _) if route.action == import)
}

/// Whether somebody with these permissions may open the page at an address without `{}`.
pub(crate) fn may_open(address: &str, permissions: Permissions) -> bool {
    match find(Method::Get, address) {
        Found::Route(route, _) => match route.access {
            Anybody | HalfSignedIn | SignedIn => true,
            May(permission) | Sure(permission) => permissions.has(permission),
        },
        Found::OtherMethod | Found::Nothing => false,
    }
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

#[cfg(test)]
mod tests;
