//! The contract of each action of the API. An action that only pages have has none; one that is new
//! does not compile until somebody has said here what it is.

use ipc::site::{
    Dialling, ExtensionSettings, Features, Group, Guard, Limits, Networks, Parking, Prompt,
    Recordings, Retention, Route as SiteRoute, SignIn, TimeCondition, Trunk, Tunnel,
};

use super::contract::{Contract, Query, does};
use crate::about_view::AboutView;
use crate::actions::{
    accounts, backups, bans, capture, certificate, erasure, explain, extensions, firmware, history,
    items, network, passkey_use, passkeys, people, person, proof, second_factor, sections, sign_in,
    site_file, spending, status, takes, tokens, trace,
};
use crate::answers::{
    BackupCode, DataCode, Fetching, FileOfSite, NewAccount, NewPassword, NewToken, NextPiece,
    Nothing, OneTimePassword, Present, RecoveryCodes, RestoreBegun, SecondFactorOffer,
    SecondFactorState, TakenOrOver, TunnelSet, Unbanned, UpdateGoesOn, Welcome,
};
use crate::backup_view::{BackupsView, RestoreView};
use crate::bans_view::BansView;
use crate::capture_view::CaptureView;
use crate::certificate::CertificateView;
use crate::countries_view::CountriesView;
use crate::explain_view::{Explained, Warnings};
use crate::fault::Item;
use crate::firmware_view::FirmwareView;
use crate::grid_view::GridView;
use crate::history_view::{VersionChanges, VersionView};
use crate::log_view::LogLineView;
use crate::masquerade_view::MasqueradeView;
use crate::network_view::NetworkView;
use crate::passkey_json::{CreationOptions, RequestOptions};
use crate::person_view::PersonData;
use crate::privacy::KeptView;
use crate::prompt_view::{PromptView, TakeView};
use crate::report_view::ReportView;
use crate::routes::{
    Action, File, OnAbout, OnBackups, OnBans, OnCapture, OnCertificate, OnLogs, OnMasquerade,
    OnNetwork, OnPasskeys, OnPeople, OnPerson, OnPrompts, OnSecondFactor, OnSite, OnTakes,
    OnTokens, OnTrace, Section,
};
use crate::trace_view::{TraceView, WholeMessage};
use crate::views::{
    AuditView, CallView, ExtensionView, RecordingView, ReplacedView, StatusView, TrailView,
};

/// What a request for this takes and gives; `None` for what only pages have.
pub(super) fn of(action: Action) -> Option<Contract> {
    Some(match action {
        Action::SignIn => does("Sign in")
            .takes::<sign_in::Credentials>()
            .gives::<Welcome>(),
        Action::SignOut => does("End the session").gives::<Nothing>(),
        Action::ChangePassword => does("Choose another password")
            .takes::<people::Passwords>()
            .gives::<Nothing>(),
        Action::Confirm => does("Say one's password again")
            .takes::<proof::Proof>()
            .gives::<Nothing>(),
        Action::Status | Action::Report | Action::RestartService => return of_state(action),
        Action::Extensions | Action::CreateExtension | Action::Card | Action::DeleteExtension => {
            return of_extension(action);
        }
        Action::Privacy => does("What the box keeps of people, and why").gives::<Vec<KeptView>>(),
        Action::Calls => does("Calls on record, the newest first")
            .query(CALLS)
            .gives::<Vec<CallView>>(),
        Action::Recordings | Action::Recording | Action::DeleteRecording => {
            return of_recording(action);
        }
        Action::Restart | Action::PowerOff => return of_power(action),
        Action::OpenApi => does("This document").gives_file("application/json"),
        Action::About(action) => of_about(action),
        Action::Trace(action) => return of_trace(action),
        Action::Capture(action) => return of_capture(action),
        Action::Logs(action) => return of_logs(action),
        Action::Countries => {
            does("Who came from which country, and who is refused").gives::<CountriesView>()
        }
        Action::Bans(action) => return of_bans(action),
        Action::Masquerade(action) => return of_masquerade(action),
        Action::SecondFactor(action) => return of_second_factor(action),
        Action::Certificate(action) => return of_certificate(action),
        Action::Network(action) => of_network(action),
        Action::Tokens(action) => of_token(action),
        Action::Person(action) => return of_person_data(action),
        Action::Passkeys(action) => return of_passkey(action),
        Action::People(action) => return of_person(action),
        Action::Backups(action) => return of_backup(action),
        Action::Prompts(action) => return of_prompt(action),
        Action::Takes(action) => of_take(action),
        Action::Site(action) => return of_site(action),
        Action::Firmware
        | Action::BeginUpdate
        | Action::UpdatePiece
        | Action::AbandonUpdate
        | Action::FetchUpdate
        | Action::UpdateFromStick
        | Action::GoBack
        | Action::Rescue
        | Action::FactoryReset
        | Action::RecoveryCode
        | Action::RenewRecoveryCode => return of_firmware(action),
        Action::Style
        | Action::Script
        | Action::Events
        | Action::CallsFile
        | Action::Start
        | Action::ShowStep
        | Action::TakeStep
        | Action::AskCard
        | Action::UploadScript
        | Action::FileScript
        | Action::Icon
        | Action::SignInPage
        | Action::PasswordPage
        | Action::ConfirmDeleteExtension => return None,
    })
}

fn of_state(action: Action) -> Option<Contract> {
    Some(match action {
        Action::Status => does("The state of the box").gives::<StatusView>(),
        Action::Report => does("What is exposed and how the box is, each finding with its fix")
            .query(REPORT)
            .gives::<ReportView>(),
        Action::RestartService => does("Restart a service")
            .takes::<status::Manner>()
            .gives::<Nothing>(),
        _ => return None,
    })
}

fn of_power(action: Action) -> Option<Contract> {
    Some(match action {
        Action::Restart => does("Restart the box").gives::<Nothing>(),
        Action::PowerOff => does("Switch the box off").gives::<Nothing>(),
        _ => return None,
    })
}

fn of_recording(action: Action) -> Option<Contract> {
    Some(match action {
        Action::Recordings => does("Recordings of calls").gives::<Vec<RecordingView>>(),
        Action::Recording => does("The sound of a recording").gives_file("audio/wav"),
        Action::DeleteRecording => does("Delete a recording"),
        _ => return None,
    })
}

fn of_bans(action: OnBans) -> Option<Contract> {
    Some(match action {
        OnBans::Show => {
            does("Who is banned and for what, and what was found lately").gives::<BansView>()
        }
        OnBans::Unban => does("Ban a network no more")
            .takes::<bans::Asked>()
            .gives::<Unbanned>(),
        OnBans::Events | OnBans::SwitchOn => return None,
    })
}

fn of_masquerade(action: OnMasquerade) -> Option<Contract> {
    Some(match action {
        OnMasquerade::Show => does("Whether a router hides who comes in, and why it is thought")
            .gives::<MasqueradeView>(),
        OnMasquerade::Again => {
            does("Forget what was seen of routers, and look anew").gives::<Nothing>()
        }
        OnMasquerade::Events => return None,
    })
}

fn of_logs(action: OnLogs) -> Option<Contract> {
    Some(match action {
        OnLogs::Show => does("What the services of the box say, the newest first")
            .query(LOG)
            .gives::<Vec<LogLineView>>(),
        OnLogs::Events | OnLogs::File => return None,
    })
}

fn of_extension(action: Action) -> Option<Contract> {
    Some(match action {
        Action::Extensions => does("Every extension").gives::<Vec<ExtensionView>>(),
        Action::CreateExtension => does("Add an extension; the password is shown this once")
            .takes::<extensions::Wish>()
            .makes::<NewPassword>()
            .changes(),
        Action::Card => does("Another password for an extension; it is shown this once")
            .gives::<NewPassword>()
            .changes(),
        Action::DeleteExtension => does("Delete an extension").changes(),
        _ => return None,
    })
}

fn of_trace(action: OnTrace) -> Option<Contract> {
    Some(match action {
        OnTrace::Events => return None,
        OnTrace::Show => does("The trace of SIP messages, the newest first")
            .query(TRACE)
            .gives::<TraceView>(),
        OnTrace::Begin => does("Begin a trace of SIP messages; the one before is forgotten")
            .takes::<trace::Wish>(),
        OnTrace::End => does("End the trace; its messages stay for an hour"),
        OnTrace::Message => does("A message of the trace, whole").gives::<WholeMessage>(),
        OnTrace::File => does("The messages of the trace for Wireshark (pcap)")
            .query(OF_CALL)
            .gives_file("application/vnd.tcpdump.pcap"),
    })
}

fn of_capture(action: OnCapture) -> Option<Contract> {
    Some(match action {
        OnCapture::Events => return None,
        OnCapture::Show => does("How the capture of packets stands").gives::<CaptureView>(),
        OnCapture::Begin => does("Begin a capture of packets; the one before is forgotten")
            .takes::<capture::Asked>(),
        OnCapture::End => does("End the capture; its packets stay for a quarter of an hour"),
        OnCapture::File => does("The packets of the capture for Wireshark (pcap)")
            .gives_file("application/vnd.tcpdump.pcap"),
    })
}

fn of_about(action: OnAbout) -> Contract {
    match action {
        OnAbout::Show => does("What the box runs, and what that is made of").gives::<AboutView>(),
        OnAbout::Bill => {
            does("The bill of materials (CycloneDX)").gives_file("application/vnd.cyclonedx+json")
        }
        OnAbout::Texts => does("All licence texts").gives_file("text/plain"),
        OnAbout::Text => does("One licence text").gives_file("text/plain"),
    }
}

fn of_second_factor(action: OnSecondFactor) -> Option<Contract> {
    Some(match action {
        OnSecondFactor::CodePage => return None,
        OnSecondFactor::Code => does("Say the code of the second factor after signing in")
            .takes_changes_of::<second_factor::Typed>()
            .gives::<Welcome>(),
        OnSecondFactor::Show => does("How one's second factor stands").gives::<SecondFactorState>(),
        OnSecondFactor::Offer => {
            does("Draw a secret for a second factor").gives::<SecondFactorOffer<'static>>()
        }
        OnSecondFactor::Keep => does("Set the second factor up, by a code of the drawn secret")
            .takes::<second_factor::Typed>()
            .gives::<RecoveryCodes<'static>>(),
        OnSecondFactor::Remove => does("Do without a second factor"),
        OnSecondFactor::RemoveOf => does("Take somebody's second factor away"),
    })
}

fn of_passkey(action: OnPasskeys) -> Option<Contract> {
    Some(match action {
        OnPasskeys::Script => return None,
        OnPasskeys::List => does("One's own passkeys").gives::<Vec<passkeys::PasskeyView>>(),
        OnPasskeys::Offer => does("What a passkey is to be made with").gives::<CreationOptions>(),
        OnPasskeys::Keep => does("Enrol a passkey that was made")
            .takes::<passkeys::Wish>()
            .makes::<passkeys::Enrolled<'static>>(),
        OnPasskeys::Remove => does("Remove a passkey"),
        OnPasskeys::RemoveAllOf => does("Take all passkeys of somebody away"),
        OnPasskeys::AskSignIn => {
            does("What a passkey is to be used with for signing in").gives::<RequestOptions>()
        }
        OnPasskeys::SignIn => does("Sign in with a passkey, without a password")
            .takes::<passkey_use::Use>()
            .gives::<Welcome>(),
        OnPasskeys::AskSecond => {
            does("What a passkey is to be used with after the password").gives::<RequestOptions>()
        }
        OnPasskeys::AskConfirm => {
            does("What a passkey is to be used with for saying again who one is")
                .gives::<RequestOptions>()
        }
        OnPasskeys::Confirm => does("Use a passkey in the place of saying the password again")
            .takes::<passkey_use::Use>()
            .gives::<Nothing>(),
        OnPasskeys::Second => does("Use a passkey in the place of the code after signing in")
            .takes_changes_of::<passkey_use::Use>()
            .gives::<Welcome>(),
    })
}

fn of_certificate(action: OnCertificate) -> Option<Contract> {
    Some(match action {
        OnCertificate::Show => does("The certificate of the pages, and the request for another")
            .gives::<CertificateView>(),
        OnCertificate::Request => {
            does("Make a key and a request that others sign; the one before is forgotten")
                .takes::<certificate::Wish>()
                .gives::<CertificateView>()
        }
        OnCertificate::RequestFile => return None,
        OnCertificate::Set => does("Serve the pages with what others have signed")
            .takes::<certificate::Signed>()
            .gives::<CertificateView>(),
        OnCertificate::SelfSigned => {
            does("Serve the pages with what the box has signed itself").gives::<CertificateView>()
        }
    })
}

fn of_network(action: OnNetwork) -> Contract {
    match action {
        OnNetwork::Show => {
            does("The box's address, and the one that is tried").gives::<NetworkView>()
        }
        OnNetwork::Try => does("Try an address; the box has it seconds after the answer")
            .takes::<network::Wish>()
            .gives::<NetworkView>(),
        OnNetwork::Keep => does("Keep the address that is tried")
            .takes::<network::Kept>()
            .gives::<NetworkView>(),
        OnNetwork::Return => {
            does("Go back to the address from before the trial").gives::<NetworkView>()
        }
    }
}

fn of_token(action: OnTokens) -> Contract {
    match action {
        OnTokens::List => does("One's own tokens for programs").gives::<Vec<tokens::TokenView>>(),
        OnTokens::Create => does("Make a token; it is shown this once")
            .takes::<tokens::Wish>()
            .makes::<NewToken<'static>>(),
        OnTokens::Revoke => does("Take a token back"),
        OnTokens::RevokeAllOf => does("Take all tokens of somebody back"),
    }
}

fn of_person_data(action: OnPerson) -> Option<Contract> {
    Some(match action {
        OnPerson::Show => return None,
        OnPerson::Export => does("Everything that is kept on one person, as a file")
            .takes::<person::Wish>()
            .gives::<PersonData>(),
        OnPerson::Erase => {
            does("Erase what is kept on one person, or say how many of what there is")
                .takes::<erasure::Wish>()
                .gives::<erasure::ErasureView>()
        }
    })
}

fn of_person(action: OnPeople) -> Option<Contract> {
    Some(match action {
        OnPeople::New | OnPeople::AskDelete => return None,
        OnPeople::List => does("Everybody who may sign in").gives::<Vec<accounts::AccountView>>(),
        OnPeople::Create => does("Add somebody; the password is shown this once")
            .takes_changes_of::<accounts::Account>()
            .makes::<NewAccount<'static>>()
            .changes(),
        OnPeople::Show => does("Somebody's account").gives::<accounts::AccountView>(),
        OnPeople::Change => does("Change somebody's account")
            .takes_changes_of::<accounts::Account>()
            .gives::<accounts::AccountView>()
            .changes(),
        OnPeople::Delete => does("Delete somebody's account").changes(),
        OnPeople::OneTimePassword => does("Another password for somebody; it is shown this once")
            .gives::<OneTimePassword<'static>>(),
    })
}

fn of_backup(action: OnBackups) -> Option<Contract> {
    Some(match action {
        OnBackups::Script | OnBackups::ProgressParts => return None,
        OnBackups::List => does("Backups on the box").gives::<BackupsView>(),
        OnBackups::Make => does("Make a backup now").gives::<Nothing>(),
        OnBackups::Download => does("A backup, encrypted").gives_file("application/octet-stream"),
        OnBackups::NewCode => does("Another code that opens backups; it is shown this once")
            .gives::<BackupCode<'static>>(),
        OnBackups::Upload => does("Bring a piece of a backup")
            .takes_bytes()
            .gives::<NextPiece>(),
        OnBackups::Restore => does("Put what a backup holds in place of what the box has")
            .takes::<backups::Wish>()
            .begins::<RestoreBegun>(),
        OnBackups::Progress => {
            does("How far a restore is, or what became of it").gives::<RestoreView>()
        }
    })
}

fn of_prompt(action: OnPrompts) -> Option<Contract> {
    Some(match action {
        OnPrompts::Script => return None,
        OnPrompts::List => {
            does("Every prompt, with how long its sound lasts").gives::<Vec<PromptView>>()
        }
        OnPrompts::Upload => does("Bring a piece of a sound, as a WAV file")
            .takes_bytes()
            .gives::<NextPiece>(),
        OnPrompts::Keep => does("Make what was brought the sound of a prompt").gives::<Nothing>(),
        OnPrompts::Hear => does("The sound of a prompt").gives_file("audio/wav"),
        OnPrompts::DeleteSound => does("Delete the sound of a prompt"),
        OnPrompts::Delete => does("Delete a prompt that nothing plays, with its sound").changes(),
    })
}

fn of_take(action: OnTakes) -> Contract {
    match action {
        OnTakes::List => {
            does("What was said into phones to become prompts").gives::<Vec<TakeView>>()
        }
        OnTakes::Hear => does("The sound of a take").gives_file("audio/wav"),
        OnTakes::Keep => does("Make a take the sound of a prompt")
            .takes::<takes::Wish>()
            .gives::<Nothing>(),
        OnTakes::Delete => does("Delete a take"),
    }
}

fn of_firmware(action: Action) -> Option<Contract> {
    Some(match action {
        Action::Firmware => {
            does("Versions on the box, and the update under way").gives::<FirmwareView>()
        }
        Action::BeginUpdate => does("Begin an update").gives::<UpdateGoesOn>(),
        Action::UpdatePiece => does("Send the piece that is wanted")
            .takes_bytes()
            .gives::<UpdateGoesOn>(),
        Action::AbandonUpdate => does("Give the update up").gives::<Nothing>(),
        Action::FetchUpdate => does("Have an update fetched from a server")
            .takes::<firmware::Fetch>()
            .gives::<Fetching<'static>>(),
        Action::UpdateFromStick => does("Have an update installed from a memory stick")
            .takes::<firmware::OnStick>()
            .gives::<Fetching<'static>>(),
        Action::GoBack => does("Start the version before next").gives::<Nothing>(),
        Action::Rescue => does("Start the rescue system next").gives::<Nothing>(),
        Action::FactoryReset => does("Forget everything that is stored")
            .takes::<firmware::Reset>()
            .gives::<Nothing>(),
        Action::RecoveryCode => does("The code that opens the data; it is shown this once")
            .takes_changes_of::<proof::Proof>()
            .gives::<DataCode<'static>>(),
        Action::RenewRecoveryCode => does("Have the next start make another recovery code")
            .takes_changes_of::<proof::Proof>()
            .gives::<Nothing>(),
        _ => return None,
    })
}

fn of_site(action: OnSite) -> Option<Contract> {
    Some(match action {
        OnSite::AuditTrail | OnSite::VerifyTrail | OnSite::ExportTrail => of_trail(action),
        OnSite::ReplacedTrails | OnSite::ReplacedTrail => of_trail(action),
        OnSite::History => does("Versions of the configuration")
            .query(ROWS)
            .gives::<Vec<VersionView>>(),
        OnSite::Version => does("What changed in a version").gives::<VersionChanges>(),
        OnSite::BackTo => does("Take the configuration back to a version")
            .takes::<history::Wish>()
            .gives::<Present>()
            .changes(),
        OnSite::ExportFile(File::Site) => {
            does("The configuration as a file").gives::<FileOfSite<'static>>()
        }
        OnSite::ExportFile(File::Extensions) => {
            does("The extensions as a list").gives::<FileOfSite<'static>>()
        }
        OnSite::ImportFile(_) => does("Try a file out, or take it over")
            .takes::<site_file::Wish>()
            .gives::<TakenOrOver<'static>>()
            .changes(),
        OnSite::Items(item)
        | OnSite::CreateItem(item)
        | OnSite::ShowItem(item)
        | OnSite::ChangeItem(item)
        | OnSite::DeleteItem(item) => of_item(action, item),
        OnSite::OrderRoutes => does("Put the routes in another order")
            .takes::<items::Order>()
            .gives::<Vec<String>>()
            .changes(),
        OnSite::Explain => does("Where a number leads, and why")
            .takes::<explain::Question>()
            .gives::<Explained>(),
        OnSite::Warnings => does("What is dangerous about the routes")
            .query(LANGUAGE)
            .gives::<Warnings>(),
        OnSite::Spending => does("What was spent, beside its caps").gives::<spending::Spending>(),
        OnSite::Settings => does("Settings of an extension").gives::<ExtensionSettings>(),
        OnSite::ChangeSettings => does("Change settings of an extension")
            .takes_changes_of::<ExtensionSettings>()
            .gives::<ExtensionSettings>()
            .changes(),
        OnSite::ResumeSpending => does("Let an extension spend again")
            .gives::<ExtensionSettings>()
            .changes(),
        OnSite::ChangeExtension => does("Change an extension")
            .takes_changes_of::<sections::ExtensionChanges>()
            .gives::<sections::WholeExtension>()
            .changes(),
        OnSite::Grid => does("The tunnel into a grid").gives::<GridView>(),
        OnSite::ChangeTunnel => does("Set the tunnel up, or change it")
            .takes_changes_of::<Tunnel>()
            .gives::<TunnelSet>()
            .changes(),
        OnSite::DeleteTunnel => does("Take the tunnel away").changes(),
        OnSite::Section(section) => of_section(section),
        OnSite::ChangeSection(section) => of_section_change(section),
        OnSite::FilePage(_)
        | OnSite::RoutesPage
        | OnSite::EditExtension
        | OnSite::ItemsPage(_)
        | OnSite::NewItem(_)
        | OnSite::EditItem(_)
        | OnSite::AskDeleteItem(_)
        | OnSite::RouteUp
        | OnSite::SettingsPage
        | OnSite::EditSection(_) => return None,
    })
}

fn of_trail(action: OnSite) -> Contract {
    match action {
        OnSite::VerifyTrail => {
            does("Whether each entry of the audit trail fits the one before").gives::<TrailView>()
        }
        OnSite::ReplacedTrails => does("The audit trails that restores have replaced, checked")
            .gives::<Vec<ReplacedView>>(),
        OnSite::ReplacedTrail => does("An audit trail that a restore has replaced, signed")
            .gives_file("application/x-ndjson"),
        OnSite::ExportTrail => does("The audit trail as a file, signed by the box")
            .query(DAYS)
            .gives_file("application/x-ndjson"),
        _ => does("The audit trail, the newest first")
            .query(LIMIT)
            .gives::<Vec<AuditView>>(),
    }
}

fn of_item(action: OnSite, item: Item) -> Contract {
    fn about<T: schemars::JsonSchema>(action: OnSite, [list, one]: [&'static str; 2]) -> Contract {
        match action {
            OnSite::Items(_) => does(list).gives::<Vec<T>>(),
            OnSite::ShowItem(_) => does(one).gives::<T>(),
            OnSite::CreateItem(_) => does("Add one, at the end")
                .takes_changes_of::<T>()
                .makes::<T>()
                .changes(),
            OnSite::ChangeItem(_) => does("Change what is named")
                .takes_changes_of::<T>()
                .gives::<T>()
                .changes(),
            _ => does("Delete it").changes(),
        }
    }
    match item {
        Item::Trunk => about::<Trunk>(action, ["Every trunk", "A trunk"]),
        Item::Group => about::<Group>(action, ["Every group", "A group"]),
        Item::Route => about::<SiteRoute>(action, ["Every route, in order", "A route"]),
        Item::Times => about::<TimeCondition>(action, ["Every time condition", "A time condition"]),
        Item::Prompt => about::<Prompt>(action, ["Every prompt", "A prompt, without its sound"]),
    }
}

fn of_section(section: Section) -> Contract {
    match section {
        Section::Networks => does("The internal networks").gives::<Networks>(),
        Section::Features => does("The codes people dial").gives::<Features>(),
        Section::Parking => does("Where parked calls wait").gives::<Parking>(),
        Section::Dialling => does("Country and numbers").gives::<Dialling>(),
        Section::Limits => does("What the whole box may spend").gives::<Limits>(),
        Section::Recording => does("How recordings are kept").gives::<Recordings>(),
        Section::Retention => does("How long data of people is kept").gives::<Retention>(),
        Section::Guard => does("When an address is banned").gives::<Guard>(),
        Section::Countries => {
            does("From which countries the box may be reached").gives::<ipc::site::Countries>()
        }
        Section::SignIn => does("What is asked of people at a sign-in").gives::<SignIn>(),
    }
}

fn of_section_change(section: Section) -> Contract {
    fn change<T: schemars::JsonSchema>() -> Contract {
        does("Change what is named")
            .takes_changes_of::<T>()
            .gives::<T>()
            .changes()
    }
    match section {
        Section::Networks => change::<Networks>(),
        Section::Features => change::<Features>(),
        Section::Parking => change::<Parking>(),
        Section::Dialling => change::<Dialling>(),
        Section::Limits => change::<Limits>(),
        Section::Recording => change::<Recordings>(),
        Section::Retention => change::<Retention>(),
        Section::Guard => change::<Guard>(),
        Section::Countries => change::<ipc::site::Countries>(),
        Section::SignIn => change::<SignIn>(),
    }
}

const LIMIT: &[Query] = &[ROWS_MAX];
const ROWS: &[Query] = &[ROWS_MAX, BEFORE];
const CALLS: &[Query] = &[
    ROWS_MAX,
    BEFORE,
    Query {
        name: "number",
        says: "Only those with this number, whole, however it is written. Who sees numbers masked \
               finds his own calls alone by a number of somebody outside.",
        kind: "string",
    },
];
const BEFORE: Query = Query {
    name: "before",
    says: "Only those older than this one, by id or number.",
    kind: "string",
};
const ROWS_MAX: Query = Query {
    name: "limit",
    says: "How many; 100 when it is left out, 1000 at most.",
    kind: "integer",
};
const REPORT: &[Query] = &[Query {
    name: "language",
    says: "`en` or `pt-BR`; that of the asker when it is left out",
    kind: "string",
}];
const LOG: &[Query] = &[
    ROWS_MAX,
    Query {
        name: "service",
        says: "What this one says alone: `init`, `pbx`, `web` and so on.",
        kind: "string",
    },
    Query {
        name: "level",
        says: "As grave as this, or more: `error`, `warn`, `info` (when it is left out), `debug`, \
               `trace`. The last two are for whoever may see whole numbers.",
        kind: "string",
    },
];
const TRACE: &[Query] = &[ROWS_MAX, OF_RECORD, OF_MESSAGE];
const OF_CALL: &[Query] = &[OF_RECORD, OF_MESSAGE];
const OF_RECORD: Query = Query {
    name: "call",
    says: "Only the call with this record, all its legs, from its beginning.",
    kind: "string",
};
const OF_MESSAGE: Query = Query {
    name: "with",
    says: "Only what belongs together with the message of this number.",
    kind: "integer",
};
const DAYS: &[Query] = &[
    Query {
        name: "from",
        says: "From this day on, as `2026-11-22`, in UTC.",
        kind: "string",
    },
    Query {
        name: "to",
        says: "To the end of this day.",
        kind: "string",
    },
];
const LANGUAGE: &[Query] = &[Query {
    name: "language",
    says: "`en` or `pt`.",
    kind: "string",
}];
