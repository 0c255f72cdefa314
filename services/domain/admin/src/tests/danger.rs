//! What is dangerous, on the pages (F16, R64 to R66).

use ipc::site::Route;
use routing::Warning;
use serde_json::json;

use super::signing_in::one_time_password;
use super::telephony::{Desk, route};
use super::world::{World, cookie, get, sign_in_from, text};
use crate::actions::routes::Asked;
use crate::admin::Caller;
use crate::danger::{Danger, Dangers, Subject};
use crate::http::{Peer, Response};
use crate::pages;
use crate::permission::Permissions;
use crate::routes::Face;
use crate::text::Language;

/// What is said of the route [`wide`] in English.
const WIDE: &str = "route &quot;any&quot; leads any number outside (0.)";
const THIEF: &str = "by it a thief spends up to R$ 200.00 a day";
/// What is said of extension 100 when a thief has its password.
const STOLEN: &str = "if extension 100 is stolen: 2 calls at once";

impl Desk {
    /// A page as somebody sees it who reads this language.
    fn page(&mut self, target: &str, language: &str) -> Response {
        let request = get(target, &self.session).with("accept-language", language);
        self.world.ask(&request)
    }

    fn english(&mut self, target: &str) -> String {
        let response = self.page(target, "en");
        assert_eq!(response.status, 200, "{target}");
        text(&response)
    }

    /// Adds a route that takes whatever is dialled behind a zero.
    fn open_wide(&mut self) {
        assert_eq!(self.post("routes", &route("any", "0.")).0, 201);
    }
}

/// The first element of `page` with this text in it, from its tag on.
fn element<'a>(page: &'a str, tag: &str, said: &str) -> &'a str {
    let end = page.find(said).unwrap_or_else(|| panic!("{said}: {page}"));
    let before = page.get(..end).unwrap_or_default();
    let begin = before.rfind(tag).unwrap_or_else(|| panic!("{tag}: {page}"));
    page.get(begin..end + said.len()).unwrap_or_default()
}

#[test]
fn a_route_that_is_too_wide_is_red_on_the_state_page_until_it_is_mended() {
    let mut desk = Desk::new();
    desk.world.is_trunk_up = true;
    let before = desk.english("/");
    assert!(!before.contains("class=\"error\""), "{before}");
    assert!(before.contains("Everything is running"), "{before}");
    desk.open_wide();
    let page = desk.english("/");
    assert!(page.contains("Needs attention"), "{page}");
    let told = element(&page, "<li", THIEF);
    assert!(told.starts_with("<li class=\"error\">"), "{told}");
    assert!(told.contains(WIDE), "{told}");
    let way = "<a href=\"/routes#route-2\">Route any</a>";
    assert!(page.contains(&format!("{THIEF} {way}")), "{page}");
    let stolen = element(&page, "<li", STOLEN);
    assert!(stolen.starts_with("<li class=\"error\">"), "{stolen}");
    let narrow = json!({"pattern": "0ZX9XXXXXXXX"});
    assert_eq!(desk.post("routes/any", &narrow).0, 200);
    let mended = desk.english("/");
    assert!(
        !mended.contains("class=\"error\"") && !mended.contains("Route any"),
        "{mended}"
    );
    assert!(mended.contains("Everything is running"), "{mended}");
}

#[test]
fn what_helps_no_thief_is_amber_and_gone_once_there_is_nothing_to_say() {
    let mut desk = Desk::new();
    let page = desk.english("/");
    let told = element(&page, "<li", "the area code is missing");
    assert!(told.starts_with("<li class=\"notice\">"), "{told}");
    let way = "<a href=\"/routes#numbers\">Numbers and limits</a>";
    assert!(page.contains(way), "{page}");
    let dialling = json!({"area_code": "11", "owned_numbers": ["+551130000000"]});
    assert_eq!(desk.post("dialling", &dialling).0, 200);
    let page = desk.english("/");
    assert!(!page.contains("id=\"dangers\""), "{page}");
}

#[test]
fn the_routes_are_listed_with_what_is_said_of_each_beside_it() {
    let mut desk = Desk::new();
    desk.open_wide();
    let mut inside = route("in", "1130000000");
    inside["sources"] = json!([{"trunk": "Carrier"}]);
    inside["destinations"] = json!([{"extension": "100"}, {"hang-up": 480}]);
    inside["rewrite"] = json!({"strip": 2, "prefix": "9"});
    assert_eq!(desk.post("routes", &inside).0, 201);
    let page = desk.english("/routes");
    let row = |place: &str| page.find(&format!("<tr id=\"route-{place}\">"));
    let said = page.find(&format!("<p class=\"error\">{WIDE}"));
    assert!(row("1") < row("2") && row("2") < said && said < row("3"));
    for shown in [
        "<td>trunk &quot;Carrier&quot;</td>",
        "<code>1130000000</code>",
        "2 taken off in front, 9 put in front",
        "<td>extension 100, hang up with 480</td>",
        "aria-current=\"page\">Routes</a>",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let general = page.find("<p class=\"notice\">the area code is missing");
    assert!(page.find("id=\"numbers\"") < general, "{page}");
}

#[test]
fn warnings_on_the_pages_are_in_the_readers_language() {
    let mut desk = Desk::new();
    desk.open_wide();
    for (path, english, portuguese) in [
        ("/", WIDE, "a rota &quot;any&quot; leva qualquer número"),
        ("/", THIEF, "por ela um ladrão gasta até R$ 200,00 por dia"),
        ("/routes", WIDE, "a rota &quot;any&quot; leva qualquer"),
        ("/extensions", STOLEN, "se o ramal 100 for roubado: 2 cham"),
    ] {
        for (language, said, other) in [("en", english, portuguese), ("pt", portuguese, english)] {
            let page = text(&desk.page(path, language));
            assert!(page.contains(said), "{path} {language}: {page}");
            assert!(!page.contains(other), "{path} {language}: {page}");
        }
    }
}

#[test]
fn what_a_stolen_extension_costs_is_red_where_a_route_is_too_wide() {
    let mut desk = Desk::new();
    let page = desk.english("/extensions");
    let told = element(&page, "<span", STOLEN);
    assert!(told.starts_with("<span class=\"hint\">"), "{told}");
    desk.open_wide();
    let page = desk.english("/extensions");
    let told = element(&page, "<span", STOLEN);
    assert!(told.starts_with("<span class=\"error\">"), "{told}");
}

#[test]
fn only_an_administrator_sees_what_is_dangerous() {
    let mut desk = Desk::new();
    desk.open_wide();
    for path in ["/", "/routes", "/routes?from=extension%3A100&dialled=0"] {
        let response = desk.world.ask(&get(path, ""));
        assert_eq!(response.header("location"), Some("/login"), "{path}");
        assert!(response.body.is_empty(), "{path}");
    }
    let mut world = World::fresh();
    let password = one_time_password(&mut world);
    let newcomer = cookie(&world.ask(&sign_in_from("10.0.0.5", "admin", &password)));
    let response = world.ask(&get("/routes", &newcomer));
    assert_eq!(response.header("location"), Some("/password"));
    assert!(response.body.is_empty());
}

#[test]
fn the_form_of_the_simulator_answers_what_the_api_answers() {
    let mut desk = Desk::new();
    desk.open_wide();
    let nothing_asked = desk.english("/routes?from=extension%3A100&dialled=+&at=");
    assert!(!nothing_asked.contains("id=\"answer\""), "{nothing_asked}");
    let page = desk.english("/routes?from=extension%3A100&dialled=3234-5678&at=2026-11-23T12%3A00");
    assert!(page.contains("<option value=\"extension:100\" selected>100</option>"));
    assert!(page.contains("value=\"3234-5678\"") && page.contains("value=\"2026-11-23T12:00\""));
    let question = json!({"from": "100", "dialled": "3234-5678", "language": "en",
                          "at": "2026-11-23T12:00"});
    let answer = desk.explain(&question);
    let steps = answer["steps"].as_array().expect("steps").iter();
    let said = steps.chain([&answer["text"], &answer["worst_case"]]);
    for said in said.map(|it| it.as_str().expect("a sentence").replace('"', "&quot;")) {
        assert!(page.contains(&format!(">{said}<")), "{said}: {page}");
    }
    let inbound = desk.english("/routes?from=trunk%3ACarrier&dialled=100");
    assert!(inbound.contains("no extension, group or route takes it"));
    assert!(inbound.contains("<option value=\"trunk:Carrier\" selected>Carrier</option>"));
    let refused = desk.page("/routes?from=extension%3A100&dialled=1&at=noon", "en");
    assert_eq!(refused.status, 400);
    assert!(text(&refused).contains("<p class=\"error\" role=\"alert\">"));
}

#[test]
fn what_is_asked_comes_back_as_text_only() {
    let mut desk = Desk::new();
    let markup = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let target = format!("/routes?from={markup}&dialled={markup}");
    for at in ["", markup] {
        let page = text(&desk.page(&format!("{target}&at={at}"), "en"));
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(1)"), "{page}");
    }
}

#[test]
fn a_name_that_holds_markup_is_shown_as_text() {
    // No stored name does: the pages do not rely on that.
    let name = "<b onclick=\"x\">&";
    let mut site = Desk::new().world.site;
    site.routes = vec![Route {
        name: name.into(),
        times: name.into(),
        pattern: name.into(),
        destinations: vec![ipc::site::Destination::Trunk(name.into())],
        ..Route::default()
    }];
    site.trunks[0].name = name.into();
    let warning = Warning::AnySource {
        route: name.into(),
        cents: 1,
    };
    let about = Subject::Route(0, name.into());
    let dangers = Dangers {
        currency: "<i>".into(),
        abroad: config::Countries::All,
        found: vec![Danger { warning, about }],
        worst: Vec::new(),
    };
    let caller = Caller {
        permissions: Permissions::ALL,
        must_enrol: false,
        has_clock: true,
        has_said_password: false,
        confirms_by_passkey: false,
        is_sure: false,
        form: None,
        token: None,
        login: "admin".into(),
        peer: Peer::Local,
        session: None,
        face: Face::Page,
        opened: crate::opened::Opened::of(None, &[]),
        language: Language::English,
        said_language: true,
        seen: None,
        reason: String::new(),
        trail: None,
    };
    let routes = pages::routes(&caller, &site, &dangers, &Asked::default(), None);
    let dashboard = crate::dashboard::Dashboard::default();
    let state = pages::status(&caller, &dashboard, Some(&dangers));
    for page in [text(&routes), text(&state)] {
        assert!(page.contains("&lt;b onclick="), "{page}");
        assert!(!page.contains("<b ") && !page.contains("<i>"), "{page}");
    }
}

/// WCAG 2.2, 1.4.3: text has a contrast of 4.5 to 1 at least.
#[test]
fn warnings_can_be_read_in_light_and_in_dark() {
    let style = text(&pages::style());
    for (at, scheme) in style.split("--ground:").skip(1).enumerate() {
        for (ink, ground) in [
            ("bad", "bad-ground"),
            ("busy", "busy-ground"),
            ("soft", "card"),
        ] {
            let contrast = contrast(&colour(scheme, ink), &colour(scheme, ground));
            assert!(contrast >= 4.5, "{ink} in scheme {at}: {contrast:.2}");
        }
    }
}

fn colour(scheme: &str, name: &str) -> [f64; 3] {
    let value = scheme.split(&format!("--{name}: #")).nth(1).expect(name);
    let part = |at: usize| u8::from_str_radix(&value[at..at + 2], 16).expect("a colour");
    [0, 2, 4].map(|at| f64::from(part(at)) / 255.0)
}

fn contrast(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    let linear = |part: f64| match part {
        ..=0.04045 => part / 12.92,
        _ => ((part + 0.055) / 1.055).powf(2.4),
    };
    let light = |[red, green, blue]: &[f64; 3]| {
        0.2126 * linear(*red) + 0.7152 * linear(*green) + 0.0722 * linear(*blue)
    };
    let (one, other) = (light(one), light(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
