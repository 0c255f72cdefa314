//! The front door: finds the route, asks who is there, and only then lets an action run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use ipc::Redacted;
use ipc::guard::Offence;
use ipc::init::Shutdown;
use ipc::site::{Person, Role, Site};
use ipc::store::{self, CallsOf};
use sansio::Instant;

use crate::Method;
use crate::about_view::Running;
use crate::actions;
use crate::actions::certificate;
use crate::actions::form::Subject;
use crate::actions::looks::{Look, What};
use crate::actions::prompts::{self, IncomingSound};
use crate::actions::status::Form;
use crate::actions::{extensions, people, proof, tokens};
use crate::danger::Dangers;
use crate::dashboard::Hour;
use crate::fault::{Fault, PeopleFault};
use crate::gate::{Gate, is_asked_by_browsers};
use crate::http::{Peer, Request, Response, decode};
use crate::masquerade::Masquerade;
use crate::opened::{Name, Opened};
use crate::pages;
use crate::passkeys::{Passkeys, has_one_for, is_guarded, local};
use crate::permission::{Permission, Permissions};
use crate::remote_uses::RemoteUses;
use crate::routes::{Access, Action, Face, Found, OnSite, Route, find};
use crate::second_factor::Codes;
use crate::session::{Session, SessionId, Sessions, fingerprint};
use crate::step::{Moment, Step};
use crate::text::Language;
use crate::throttle::Throttle;

/// People, sessions and what they may do.
#[derive(Debug)]
pub struct Admin {
    pub(crate) version: String,
    /// The image that runs.
    pub(crate) running: Running,
    pub(crate) site: Option<(u64, Site)>,
    /// What is dangerous about that site, once somebody has asked.
    dangers: OnceLock<Option<Dangers>>,
    /// What the API takes and gives, once somebody has asked: it is long in the making.
    description: OnceLock<Response>,
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Throttle,
    /// Who is heard, and whose password is looked at.
    pub(crate) gate: Gate,
    /// Whether a router hides who comes in.
    pub(crate) masquerade: Masquerade,
    /// Hash of the one-time password of the first sign-in, while the account is unclaimed. Not
    /// kept on disk: each start of `web` makes a new password.
    pub(crate) first_password: Option<Redacted<String>>,
    /// SHA-256 of the login key that an installer has laid down: it signs in until the account is
    /// claimed, as the one-time password does.
    pub(crate) login_key: Option<[u8; 32]>,
    /// Who has looked at what of others within the last minutes, and how much of it.
    pub(crate) looks: BTreeMap<(String, What), Look>,
    /// Somebody has taken the first steps, or wanted none.
    pub(crate) is_start_over: bool,
    /// Calls by the hour, of whose numbers, and when they were counted.
    pub(crate) hours: BTreeMap<Option<Vec<CallsOf>>, (Instant, Vec<Hour>)>,
    /// The sum of the report on exposure and health, and when it was made.
    pub(crate) summary: Option<(Instant, report::Summary)>,
    /// When remote extensions were last registered outside.
    pub(crate) remote_uses: RemoteUses,
    /// When each token was used last, by its hash, since the start; seconds since 1970.
    pub(crate) token_uses: BTreeMap<String, u64>,
    /// Codes of second factors.
    pub(crate) codes: Codes,
    /// Challenges and counters of passkeys.
    pub(crate) passkeys: Passkeys,
    /// Until when the certificate is valid that others have signed, milliseconds since 1970.
    pub(crate) certificate_until: Option<i64>,
    /// When the trace of SIP ends by itself, and what the trail says of it then.
    pub(crate) trace_ends: Option<(Instant, store::Audit)>,
    /// The same of the capture of packets.
    pub(crate) capture_ends: Option<(Instant, store::Audit)>,
    /// The sound of a prompt that somebody sends.
    pub(crate) incoming: Option<IncomingSound>,
    /// Audit entries the store could not take yet, oldest first.
    pub(crate) unrecorded: Vec<store::Audit>,
}

/// Whoever asks, once known, and how they want to be answered.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Sign-in name; `local` for the control socket; empty while unknown.
    pub(crate) login: String,
    pub(crate) peer: Peer,
    pub(crate) session: Option<(SessionId, Session)>,
    /// The name of the token they ask by, when they do.
    pub(crate) token: Option<String>,
    /// What they may do; nothing while unknown.
    pub(crate) permissions: Permissions,
    /// The password was said lately, or a passkey used that will do; or none can be, by a program
    /// on the box itself.
    pub(crate) is_sure: bool,
    /// It was the password.
    pub(crate) has_said_password: bool,
    /// A passkey of theirs will do in the place of the password.
    pub(crate) confirms_by_passkey: bool,
    /// An administrator without a second factor, where they have to have one: nothing but setting
    /// it up is for them.
    pub(crate) must_enrol: bool,
    /// The clock of the box can be right.
    pub(crate) has_clock: bool,
    /// The form they sent, to be sent again with the password.
    pub(crate) form: Option<Arc<Request>>,
    pub(crate) face: Face,
    /// By what address the page was opened.
    pub(crate) opened: Opened,
    pub(crate) language: Language,
    /// Whether the asker said which language that is.
    pub(crate) said_language: bool,
    /// The version of the site that the asker has seen, where he says so.
    pub(crate) seen: Option<u64>,
    /// Why, in the asker's words; empty when he says nothing.
    pub(crate) reason: String,
    /// Where the form of a page leads.
    pub(crate) trail: Option<Trail>,
}

/// Draws a page once more, with why it was refused.
pub(crate) type Again = dyn Fn(&Caller, &Fault) -> Response + Send + Sync;

/// Where the form of a page leads: back when its change is kept, and to itself, with why, when not.
#[derive(Clone)]
pub(crate) struct Trail {
    pub(crate) back: &'static str,
    pub(crate) again: Arc<Again>,
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trail({})", self.back)
    }
}

impl Admin {
    /// Nobody signed in, no configuration seen. `version` is the firmware's.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            running: Running::default(),
            site: None,
            dangers: OnceLock::new(),
            description: OnceLock::new(),
            sessions: Sessions::default(),
            throttle: Throttle::default(),
            gate: Gate::default(),
            masquerade: Masquerade::default(),
            first_password: None,
            login_key: None,
            looks: BTreeMap::new(),
            is_start_over: false,
            hours: BTreeMap::new(),
            summary: None,
            remote_uses: RemoteUses::default(),
            token_uses: BTreeMap::new(),
            codes: Codes::default(),
            passkeys: Passkeys::new(),
            certificate_until: None,
            trace_ends: None,
            capture_ends: None,
            incoming: None,
            unrecorded: Vec::new(),
        }
    }

    /// Learns which image runs.
    pub fn runs(&mut self, running: Running) {
        self.running = running;
    }

    /// The box is called so on its network: `ramal` is found as `ramal.local`. Passkeys are made
    /// for that name.
    pub fn call_it(&mut self, host: &str) {
        self.passkeys.name = local(host);
    }

    /// Takes what the store keeps of the counters of passkeys, under
    /// [`PASSKEY_COUNTERS`](crate::PASSKEY_COUNTERS); `None` when it keeps nothing. Before that
    /// nobody signs in with a passkey.
    pub fn take_passkey_counters(&mut self, kept: Option<&[u8]>) {
        self.passkeys.load(kept);
    }

    /// Takes the configuration as the store committed it; an older one than the present is ignored.
    pub fn configure(&mut self, version: u64, site: Site) {
        if self
            .site
            .as_ref()
            .is_none_or(|(present, _)| *present <= version)
        {
            self.gate.configure(&site);
            self.site = Some((version, site));
            self.dangers = OnceLock::new();
            self.summary = None;
            self.end_sessions();
        }
    }

    /// Ends the sessions of whoever was deleted, switched off, or given another password or role:
    /// they must not come back with the rights that he may be given again.
    fn end_sessions(&mut self) {
        let mut sessions = std::mem::take(&mut self.sessions);
        sessions.keep_those(|session| self.is_of(session).is_some());
        self.sessions = sessions;
    }

    /// Whose session it is, while it is somebody's.
    fn is_of(&self, session: &Session) -> Option<&Person> {
        let good = |it: &&Person| !it.disabled && self.credential(it) == session.credential;
        self.person(&session.login).filter(good)
    }

    /// Begins one request. The runtime does what the [`Step`] says until it is a response.
    pub fn handle(&mut self, moment: Moment, request: &Request) -> Step {
        self.codes.begin(moment.wall);
        self.gate.heard(moment.now, request.peer);
        // What somebody has chosen in this browser comes before what the browser is set to.
        let chosen = request.cookie("language");
        let said = chosen.or_else(|| request.header("accept-language"));
        let language = Language::preferred(said.unwrap_or_default());
        let face = if request.path.starts_with("/api/") {
            Face::Api
        } else {
            Face::Page
        };
        let mut caller = Caller {
            login: String::new(),
            peer: request.peer,
            session: None,
            token: None,
            permissions: Permissions::default(),
            is_sure: false,
            has_said_password: false,
            confirms_by_passkey: false,
            must_enrol: false,
            has_clock: self.believed(moment.wall).is_some(),
            form: None,
            face,
            opened: self.opened(request),
            language,
            said_language: said.is_some(),
            seen: request.seen_version(),
            reason: request.reason(),
            trail: None,
        };
        let (route, segment) = match find(request.method, &request.path) {
            Found::Route(route, segment) => (route, segment),
            missing => {
                // A stranger learns nothing about which addresses exist.
                let fault = match self.identify(&moment, request, &mut caller) {
                    Err(stranger) => {
                        // R54.
                        let is_scan = matches!(missing, Found::Nothing);
                        if is_scan && !is_asked_by_browsers(&request.path) {
                            let offence = Offence::WebPath;
                            self.offends(moment.now, request.peer, &request.path, offence);
                        }
                        stranger
                    }
                    Ok(()) if is_half(&caller) => PeopleFault::CodeFirst.into(),
                    Ok(()) if matches!(missing, Found::OtherMethod) => Fault::NoSuchMethod,
                    Ok(()) => Fault::NoSuchPage,
                };
                return caller.refuse(&fault);
            }
        };
        caller.face = route.face;
        match self.admit(&moment, request, route, &mut caller) {
            Ok(()) => match route.access {
                Access::Sure(_) | Access::May(_) => {
                    self.act_when_sure(moment, request, route, segment, caller)
                }
                Access::Anybody | Access::HalfSignedIn | Access::SignedIn => {
                    self.act(moment, request, route.action, segment, caller)
                }
            },
            // Whoever may not see the state of the box has another first page.
            Err(Fault::NotAllowed) if route.path == "/" => {
                Step::Respond(Response::redirect(pages::home(caller.permissions)).sealed())
            }
            Err(fault) => caller.refuse(&fault),
        }
    }

    /// Work that waits for its time: audit entries the store could not take. `None` when there is
    /// none. The runtime asks every few seconds.
    pub fn overdue(&mut self) -> Option<Step> {
        if self.unrecorded.is_empty() {
            return None;
        }
        let waiting = std::mem::take(&mut self.unrecorded);
        Some(Step::Record(
            waiting,
            Box::new(|admin, _, left| {
                admin.keep_unrecorded(left);
                Step::Respond(Response::empty(204))
            }),
        ))
    }

    /// Lets time pass: what has ended by itself is told to the trail, by [`Self::overdue`].
    pub fn pass(&mut self, now: Instant) {
        let ends = [&mut self.trace_ends, &mut self.capture_ends];
        let over = ends.map(|it| it.take_if(|(until, _)| *until <= now));
        for (_, audit) in over.into_iter().flatten() {
            self.note(audit);
        }
    }

    /// Takes an entry of the audit trail for what ended in the background; [`Self::overdue`] has it
    /// kept.
    pub fn note(&mut self, audit: store::Audit) {
        self.keep_unrecorded(vec![audit]);
    }

    /// Who is there; an error when nobody is.
    fn identify(
        &mut self,
        moment: &Moment,
        request: &Request,
        caller: &mut Caller,
    ) -> Result<(), Fault> {
        if request.peer == Peer::Local {
            LOCAL_LOGIN.clone_into(&mut caller.login);
            caller.permissions = Permissions::ALL;
            (caller.is_sure, caller.has_said_password) = (true, true);
            return Ok(());
        }
        if let Some(secret) = request.bearer() {
            // By the API alone: no browser sends one by itself.
            let is_api = caller.face == Face::Api;
            let found = is_api.then(|| self.bearer(moment, secret)).flatten();
            let (login, name, permissions) = found.ok_or(Fault::SignInFirst)?;
            self.vouched(moment.now, request.peer, &login, &name);
            caller.login = login;
            caller.token = Some(name);
            caller.permissions = permissions;
            return Ok(());
        }
        let token = request.cookie(COOKIE).ok_or(Fault::SignInFirst)?;
        let found = self.sessions.find(moment.now, token);
        let (id, session) = found.ok_or(Fault::SignInFirst)?;
        let person = self.is_of(&session).ok_or(Fault::SignInFirst)?;
        caller.permissions = Permissions::of(person);
        caller.must_enrol = self.must_enrol(person);
        caller.confirms_by_passkey =
            session.knows_password() && has_one_for(person, caller.opened.name());
        let is_by_itself =
            request.header(BACKGROUND_HEADER).is_some() || request.path.ends_with(EVENTS);
        if !is_by_itself {
            self.sessions.touch(&id, moment.now);
        }
        caller.login.clone_from(&session.login);
        caller.is_sure = session.is_sure(moment.now);
        caller.has_said_password = session.has_said_password(moment.now);
        caller.session = Some((id, session));
        Ok(())
    }

    /// Whether this is an administrator without the second factor that the site asks of them.
    pub(crate) fn must_enrol(&self, person: &Person) -> bool {
        let site = self.site.as_ref().map(|(_, site)| site);
        let asks = site.is_some_and(|it| it.sign_in.administrators_second_factor);
        asks && person.role == Role::Administrator && !is_guarded(person)
    }

    /// Whether a caller is still who he was when he asked: a change may have waited for a hash or
    /// the store meanwhile.
    pub(crate) fn is_still_there(&self, caller: &Caller) -> bool {
        if let Some((id, _)) = &caller.session {
            return self.sessions.has(id);
        }
        let Some(token) = &caller.token else {
            // On the box itself.
            return true;
        };
        let person = self.person(&caller.login).filter(|it| !it.disabled);
        person.is_some_and(|it| {
            let may = Permissions::of(it);
            may.covers(caller.permissions) && it.tokens.iter().any(|own| own.name == *token)
        })
    }

    fn admit(
        &mut self,
        moment: &Moment,
        request: &Request,
        route: &Route,
        caller: &mut Caller,
    ) -> Result<(), Fault> {
        let known = self.identify(moment, request, caller);
        let must_change = caller
            .session
            .as_ref()
            .is_some_and(|(_, session)| session.must_change);
        match route.access {
            Access::Anybody => {}
            // What is about signing in, or asks for the password, is not for programs.
            Access::HalfSignedIn | Access::SignedIn | Access::Sure(_)
                if known.is_ok() && caller.token.is_some() =>
            {
                return Err(Fault::NotAllowed);
            }
            Access::HalfSignedIn => known?,
            _ if known.is_ok() && is_half(caller) => return Err(PeopleFault::CodeFirst.into()),
            Access::SignedIn => known?,
            Access::May(permission) | Access::Sure(permission) => {
                known?;
                if must_change {
                    return Err(Fault::ChangePasswordFirst);
                }
                if caller.must_enrol && !route.is_enrolment() {
                    return Err(PeopleFault::EnrolFirst.into());
                }
                if !caller.may(permission) {
                    return Err(Fault::NotAllowed);
                }
            }
        }
        let checked = actions::check_origin(request, route, caller);
        if matches!(checked, Err(Fault::OtherOrigin)) {
            self.offends(moment.now, request.peer, &request.path, Offence::WebForged);
        }
        checked
    }

    /// Acts when the caller has said his password lately, or along with this, where the route asks
    /// for that; the action may ask for it elsewhere.
    fn act_when_sure(
        &mut self,
        moment: Moment,
        request: &Request,
        route: &'static Route,
        segment: String,
        mut caller: Caller,
    ) -> Step {
        if route.makes_ways_in() {
            caller.is_sure &= caller.has_said_password;
            caller.confirms_by_passkey = false;
        }
        if route.method == Method::Post && route.face == Face::Page {
            caller.form = Some(Arc::new(request.clone()));
        }
        match proof::said(request, route) {
            Ok(Some(said)) => {
                let (again, request) = (request.clone(), request.clone());
                proof::hold(
                    self,
                    &moment,
                    said,
                    caller,
                    move |caller, fault| proof::ask(&again, caller, Some(fault)),
                    move |admin, moment, caller| {
                        admin.act(moment, &request, route.action, segment, caller)
                    },
                )
            }
            Ok(None) => {
                if caller.is_sure || matches!(route.access, Access::May(_)) {
                    return self.act(moment, request, route.action, segment, caller);
                }
                proof::ask(request, &caller, None)
            }
            Err(fault) => caller.refuse(&fault),
        }
    }

    fn act(
        &mut self,
        moment: Moment,
        request: &Request,
        action: Action,
        segment: String,
        caller: Caller,
    ) -> Step {
        match action {
            Action::Style => Step::Respond(pages::style()),
            Action::Script => Step::Respond(pages::script()),
            Action::Icon => Step::Respond(pages::icon()),
            Action::SignInPage => actions::sign_in::page(caller),
            Action::SignIn => actions::sign_in::sign_in(self, &moment, request, caller),
            Action::SignOut => actions::sign_in::sign_out(self, caller),
            Action::PasswordPage => people::password_page(&caller),
            Action::ChangePassword => people::change_password(self, &moment, request, caller),
            Action::Confirm => proof::confirm(self, &moment, request, caller),
            Action::Status => actions::status::status(self, Form::Whole, caller),
            Action::Events => actions::status::status(self, Form::Parts, caller),
            Action::RestartService => actions::status::restart(self, request, segment, caller),
            Action::Extensions => extensions::list(self, &caller),
            Action::CreateExtension => extensions::create(self, &moment, request, caller),
            Action::ConfirmDeleteExtension => extensions::confirm_delete(self, &segment, &caller),
            Action::DeleteExtension => extensions::delete(self, segment, caller),
            Action::Privacy => actions::privacy::show(self, &caller),
            Action::Calls => actions::calls::list(self, request, caller),
            Action::CallsFile => actions::calls::file(self, request, caller),
            Action::Recordings => actions::recordings::list(self, caller),
            Action::Recording => actions::recordings::download(self, request, segment, caller),
            Action::DeleteRecording => actions::recordings::delete(self, segment, caller),
            Action::Firmware => actions::firmware::show(caller),
            Action::FileScript => Step::Respond(pages::file_script()),
            Action::UploadScript => Step::Respond(pages::upload_script()),
            Action::BeginUpdate => actions::firmware::begin(self, caller),
            Action::UpdatePiece => actions::firmware::piece(self, request, &segment, caller),
            Action::AbandonUpdate => actions::firmware::abandon(self, caller),
            Action::FetchUpdate => actions::firmware::fetch(self, request, caller),
            Action::UpdateFromStick => actions::firmware::from_stick(request, caller),
            Action::GoBack => actions::firmware::go_back(self, caller),
            Action::Rescue => actions::firmware::rescue(self, caller),
            Action::FactoryReset => actions::firmware::reset(self, request, caller),
            Action::RecoveryCode => actions::recovery_code::show(self, caller),
            Action::RenewRecoveryCode => actions::recovery_code::renew(self, caller),
            Action::Restart => actions::firmware::end(self, Shutdown::Restart, caller),
            Action::PowerOff => actions::firmware::end(self, Shutdown::PowerOff, caller),
            Action::OpenApi => Step::Respond(self.description()),
            Action::Start => actions::start::show(FIRST_STEP, caller),
            Action::ShowStep => actions::start::show(&segment, caller),
            Action::TakeStep => actions::start::take(self, moment, &segment, request, caller),
            Action::AskCard => actions::cards::ask(self, &segment, &caller),
            Action::Card => actions::cards::renew(self, &moment, segment, caller),
            Action::Capture(action) => actions::capture::act(self, request, action, caller),
            Action::Trace(action) => actions::trace::act(self, request, action, &segment, caller),
            Action::Countries => actions::countries::show(caller),
            Action::Bans(action) => actions::bans::act(self, request, action, caller),
            Action::Report => actions::report::show(request, caller),
            Action::Masquerade(action) => actions::masquerade::act(self, action, caller),
            Action::Logs(action) => actions::logs::act(action, request, caller),
            Action::About(action) => actions::about::act(self, action, &segment, caller),
            Action::Certificate(it) => certificate::act(self, &moment, request, it, caller),
            Action::Network(action) => actions::network::act(self, request, action, caller),
            Action::Tokens(it) => tokens::act(self, &moment, request, it, &segment, caller),
            Action::SecondFactor(action) => {
                actions::second_factor::act(self, &moment, request, action, segment, caller)
            }
            Action::Person(action) => actions::person::act(self, &moment, request, action, caller),
            Action::Passkeys(action) => {
                actions::passkeys::act(self, &moment, request, action, &segment, caller)
            }
            Action::People(action) => {
                actions::accounts::act(self, &moment, request, action, segment, caller)
            }
            Action::Backups(it) => actions::backups::act(self, request, it, segment, caller),
            Action::Takes(it) => actions::takes::act(self, &moment, request, it, segment, caller),
            Action::Prompts(it) => prompts::act(self, &moment, request, it, &segment, caller),
            Action::Site(action) => self.act_on_site(&moment, request, action, &segment, caller),
        }
    }

    /// What the API takes and gives.
    fn description(&self) -> Response {
        let made = self.description.get_or_init(|| {
            let document = crate::openapi::document(&self.version);
            Response::json(200, &document).sealed()
        });
        made.clone()
    }

    /// What is about the configuration, as a whole or one thing of it.
    fn act_on_site(
        &mut self,
        moment: &Moment,
        request: &Request,
        action: OnSite,
        segment: &str,
        caller: Caller,
    ) -> Step {
        match action {
            OnSite::AuditTrail => actions::records::audit_trail(request, caller),
            OnSite::VerifyTrail => actions::trail::verify(caller),
            OnSite::ExportTrail => actions::trail::export(self, request, caller),
            OnSite::ReplacedTrails => actions::replaced::list(caller),
            OnSite::ReplacedTrail => actions::replaced::download(self, segment, caller),
            OnSite::History => actions::history::list(request, caller),
            OnSite::Version => actions::history::show(segment, caller),
            OnSite::FilePage(file) => actions::site_file::page(self, file, &caller),
            OnSite::ExportFile(file) => actions::site_file::export(self, file, &caller),
            OnSite::ImportFile(file) => {
                actions::site_file::import(self, moment, file, request, caller)
            }
            OnSite::BackTo => actions::history::back(segment, request, caller),
            OnSite::Items(item) => actions::items::list(self, item, &caller),
            OnSite::CreateItem(item) => actions::items::create(self, item, request, caller),
            OnSite::ShowItem(item) => actions::items::show(self, item, segment, &caller),
            OnSite::ChangeItem(item) => {
                actions::items::change(self, item, segment, request, caller)
            }
            OnSite::DeleteItem(item) => actions::items::delete(self, item, segment, caller),
            OnSite::EditExtension => {
                actions::form::show(self, &Subject::Extension(segment.to_owned()), &caller)
            }
            OnSite::ChangeExtension => {
                actions::sections::change_extension(self, segment, request, caller)
            }
            OnSite::ItemsPage(item) => actions::form::list(self, item, &caller),
            OnSite::NewItem(item) => actions::form::show(self, &Subject::New(item), &caller),
            OnSite::EditItem(item) => {
                let name = decode(segment).unwrap_or_default();
                actions::form::show(self, &Subject::Item(item, name), &caller)
            }
            OnSite::AskDeleteItem(item) => actions::form::ask_delete(self, item, segment, &caller),
            OnSite::RouteUp => actions::items::route_up(self, segment, caller),
            OnSite::SettingsPage => Step::Respond(pages::settings(&caller).sealed()),
            OnSite::EditSection(section) => {
                actions::form::show(self, &Subject::Section(section), &caller)
            }
            OnSite::OrderRoutes => actions::items::order_routes(self, request, caller),
            OnSite::RoutesPage => actions::routes::page(self, moment, request, &caller),
            OnSite::Explain => actions::explain::explain(self, moment, request, &caller),
            OnSite::Spending => actions::spending::spending(self, caller),
            OnSite::Warnings => actions::explain::warnings(self, request, &caller),
            OnSite::Settings => actions::sections::settings(self, segment, &caller),
            OnSite::ChangeSettings => {
                actions::sections::change_settings(self, segment, request, caller)
            }
            OnSite::ResumeSpending => actions::sections::resume(self, moment, segment, caller),
            OnSite::Grid => actions::grid::show(self, caller),
            OnSite::ChangeTunnel => actions::grid::change(request, caller),
            OnSite::DeleteTunnel => actions::grid::delete(self, caller),
            OnSite::Section(section) => actions::sections::show(self, section, &caller),
            OnSite::ChangeSection(section) => {
                actions::sections::change(self, section, request, caller)
            }
        }
    }

    /// What is dangerous about the site as it is now.
    pub(crate) fn dangers(&self) -> Result<&Dangers, Fault> {
        let (_, site) = self.site.as_ref().ok_or(Fault::Starting)?;
        let found = self.dangers.get_or_init(|| Dangers::of(site));
        found.as_ref().ok_or(Fault::Internal)
    }

    fn opened(&self, request: &Request) -> Opened {
        Opened::of(request.header("host"), &self.names())
    }

    /// The names that the box serves its pages by.
    pub(crate) fn names(&self) -> Vec<Name> {
        let people = self.site.as_ref().map(|(_, site)| site.people.as_slice());
        self.passkeys.names(people.unwrap_or_default())
    }

    pub(crate) fn person(&self, login: &str) -> Option<&Person> {
        let (_, site) = self.site.as_ref()?;
        site.people.iter().find(|person| person.login == login)
    }

    /// Whose calls a caller may see; `None` for everybody's.
    pub(crate) fn calls_seen_by(&self, caller: &Caller) -> Option<Vec<CallsOf>> {
        if caller.may(Permission::SeeEveryCall) {
            return None;
        }
        let seen = self.site.as_ref().and_then(|(_, site)| {
            let person = self.person(&caller.login)?;
            Some(config::calls_seen_by(site, person))
        });
        Some(seen.unwrap_or_default())
    }

    /// Whether this is the login key that was laid down, and the account it is for still waits for
    /// its first sign-in.
    pub(crate) fn is_login_key(&self, login: &str, password: &Redacted<String>) -> bool {
        login == config::FACTORY_LOGIN
            && self.is_unclaimed()
            && self.login_key == Some(fingerprint(password.reveal().as_bytes()))
    }

    /// The hash a person's password must match now.
    pub(crate) fn password_hash(&self, person: &Person) -> Option<Redacted<String>> {
        if person.password_hash.reveal().is_empty() {
            let is_first = person.login == config::FACTORY_LOGIN;
            return self.first_password.clone().filter(|_| is_first);
        }
        Some(person.password_hash.clone())
    }

    /// Tells one password and role of a person from the next, without being of use to anybody.
    pub(crate) fn credential(&self, person: &Person) -> [u8; 32] {
        let hash = self.password_hash(person).unwrap_or_default();
        fingerprint(format!("{} {}", person.role.name(), hash.reveal()).as_bytes())
    }

    /// Appends to the audit trail, then goes on; what cannot be kept now is kept in memory.
    pub(crate) fn record(
        &mut self,
        audit: store::Audit,
        then: impl FnOnce(&mut Self, Moment) -> Step + Send + 'static,
    ) -> Step {
        let mut entries = std::mem::take(&mut self.unrecorded);
        entries.push(audit);
        Step::Record(
            entries,
            Box::new(move |admin, moment, left| {
                admin.keep_unrecorded(left);
                then(admin, moment)
            }),
        )
    }

    /// Whether nothing may be done now that has to be recorded: what waits for the store is full.
    pub(crate) const fn is_unrecorded_full(&self) -> bool {
        self.unrecorded.len() >= UNRECORDED_MAX
    }

    fn keep_unrecorded(&mut self, mut left: Vec<store::Audit>) {
        left.append(&mut self.unrecorded);
        left.truncate(UNRECORDED_MAX);
        self.unrecorded = left;
    }
}

impl Caller {
    /// Whether they may do this.
    pub(crate) const fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Whether pages offer them to change the configuration.
    pub(crate) const fn may_change(&self) -> bool {
        self.may(Permission::ChangeConfiguration)
    }

    /// The answer to a request that cannot be met.
    pub(crate) fn refuse(&self, fault: &Fault) -> Step {
        let fault = &fault.clone().for_eyes_of(self);
        if let (Fault::People(PeopleFault::ConfirmFirst), Some(form)) = (fault, &self.form) {
            return proof::ask(form, self, None);
        }
        let mut response = match (self.face, fault) {
            (Face::Page, Fault::SignInFirst) => Response::redirect("/login"),
            (Face::Page, Fault::People(PeopleFault::CodeFirst)) => Response::redirect("/code"),
            (Face::Page, Fault::ChangePasswordFirst) => Response::redirect("/password"),
            (Face::Page, Fault::People(PeopleFault::EnrolFirst)) => {
                Response::redirect("/second-factor")
            }
            (Face::Page | Face::Asset, _) => match &self.trail {
                Some(trail) => (trail.again)(self, fault),
                None => pages::fault(self, fault),
            },
            (Face::Api, _) => {
                let language = self.said_language.then_some(self.language);
                Response::json(fault.status(), &fault.body(language))
            }
        };
        if let Some(secs) = fault.retry_after_secs() {
            response = response.with("retry-after", secs.to_string());
        }
        Step::Respond(response.sealed())
    }

    /// An audit entry in this caller's name.
    pub(crate) fn audit(&self, action: String, before: String, after: String) -> store::Audit {
        let action = match self.reason.as_str() {
            "" => action,
            reason => format!("{action} ({reason})"),
        };
        store::Audit {
            who: self.login.clone(),
            from: match &self.token {
                Some(token) => format!("{}, token {token}", self.peer),
                None => self.peer.to_string(),
            },
            action,
            before,
            after,
        }
    }
}

/// Whether the code of the second factor is still missing.
fn is_half(caller: &Caller) -> bool {
    let session = caller.session.as_ref();
    session.is_some_and(|(_, session)| session.awaits_code)
}

/// Name of the session cookie. By its prefix a browser takes it from this host alone, by HTTPS and
/// for every path: nobody else on the network plants one (RFC 6265bis §4.1.3.2).
pub(crate) const COOKIE: &str = "__Host-session";
/// Sent by a page that refreshes itself, so that it does not keep its session alive.
const BACKGROUND_HEADER: &str = "x-background";
/// The first of the first steps.
const FIRST_STEP: &str = "language";
/// What a page asks by itself, again and again; a browser sends no header of ours with it.
const EVENTS: &str = "/events";
/// Who asked by the control socket.
const LOCAL_LOGIN: &str = "local";
/// Audit entries held in memory while the store is away; about 300 bytes each.
pub(crate) const UNRECORDED_MAX: usize = 256;
