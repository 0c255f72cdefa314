//! The site as a file: had, tried out, taken over.

use serde_json::{Value, json};

use super::telephony::{Desk, route};
use super::world::{form, get, post, text};

impl Desk {
    /// The site with something in every part of it.
    pub(super) fn furnished() -> Self {
        let mut desk = Self::new();
        for (path, wish) in [
            (
                "extensions",
                json!({"number": "101", "display_name": "Rui \"R\" Sá", "remote": true}),
            ),
            (
                "extensions/101/settings",
                json!({
                    "pin": "47114711", "classes": ["local"], "forward": {"busy": "100"},
                    "codecs": ["opus", "pcma"], "networks": ["10.0.0.0/8"],
                    "spend": {"day_cents": 5},
                }),
            ),
            (
                "groups",
                json!({"number": "600", "members": [{"extension": "100", "delay_secs": 4}],
                              "otherwise": {"extension": "101"}}),
            ),
            (
                "times",
                json!({"name": "office", "zone": "America/Sao_Paulo", "holidays": [
                {"from": "12-25"}],
                    "week": [{"days": ["monday"], "from": "08:00", "to": "18:00"}]}),
            ),
            (
                "trunks",
                json!({"name": "Peer", "trust": {"fingerprint": "ab".repeat(32)},
                              "failover_statuses": [],
                              "access": {"peer": {"server": "10.1.2.3",
                                                  "networks": ["10.1.2.3/32"]}}}),
            ),
            (
                "routes",
                json!({"name": "in", "pattern": "1130000000", "sources": ["trunks"],
                              "times": "office", "destinations": [{"group": "600"}, "park"],
                              "call_back": {"enabled": true, "hours": 48}}),
            ),
            ("networks", json!({"internal": ["10.0.0.0/8"]})),
            ("features", json!({"pickup": ""})),
            ("parking", json!({"otherwise": {"extension": "100"}})),
            (
                "dialling",
                json!({"area_code": "11", "owned_numbers": ["+551130000000"]}),
            ),
            ("limits", json!({"minutes_a_day": [], "tariffs": []})),
            ("recording", json!({"keep_days": 9})),
            (
                "guard",
                json!({"on": true, "never": ["203.0.113.0/24"], "decoys": ["1000"], "rules": [
                    {"offence": "sip-password", "count": 3},
                    {"offence": "web-path", "within_secs": 30, "only_report": true},
                ]}),
            ),
            (
                "countries",
                json!({"on": true, "allowed": ["BR", "PT"], "sip_udp": true}),
            ),
        ] {
            let (status, answer) = desk.post(path, &wish);
            assert!(status < 300, "{path}: {answer}");
        }
        desk
    }

    fn file(&mut self) -> String {
        let answer = self.get("site");
        answer["file"].as_str().expect("text").to_owned()
    }

    fn take(&mut self, file: &str) -> (u16, Value) {
        self.post("site", &json!({ "file": file }))
    }

    fn refused(&mut self, file: &str) -> String {
        let (status, answer) = self.take(file);
        assert_eq!(status, 400, "{answer}");
        answer["error"].as_str().expect("a sentence").to_owned()
    }
}

const HEAD: &str = "ramal-site = 1\n";

#[test]
fn a_file_read_back_on_the_box_changes_nothing() {
    let mut desk = Desk::furnished();
    let before = desk.world.site.clone();
    let file = desk.file();
    let (status, tried) = desk.post("site", &json!({"file": file, "dry_run": true}));
    assert_eq!(
        (status, &tried["changes"], &tried["new_extensions"]),
        (200, &json!([]), &json!([]))
    );
    let (status, answer) = desk.take(&file);
    assert_eq!((status, &answer["passwords"]), (200, &json!([])));
    assert_eq!(desk.world.site, before);
    assert!(file.contains("number = \"101\""), "{file}");
    assert!(
        !file.contains("call_waiting"),
        "what is as it comes is left out: {file}"
    );
}

#[test]
fn a_file_on_an_empty_box_makes_the_same_site_with_new_passwords() {
    let file = Desk::furnished().file();
    let mut other = Desk::new();
    let (status, answer) = other.take(&file);
    assert_eq!(status, 200, "{answer}");
    let [made] = answer["passwords"].as_array().expect("a list").as_slice() else {
        panic!("{answer}")
    };
    assert_eq!(made["number"], json!("101"));
    assert_eq!(made["password"].as_str().map(str::len), Some(16));
    // A PIN is a secret too.
    let pin = other.get("extensions/101/settings")["pin_set"].clone();
    assert_eq!(pin, json!(false));
    assert_eq!(
        other.file().split_once('\n').map(|it| it.1.to_owned()),
        file.split_once('\n').map(|it| it.1.to_owned())
    );
    let audit = other.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "configuration taken from a file");
    assert!(
        audit.after.contains("extension 101 created"),
        "{}",
        audit.after
    );
}

#[test]
fn a_file_without_somebodys_extension_takes_it_from_him_and_says_so() {
    let mut desk = Desk::new();
    let file = desk.file();
    assert_eq!(desk.post("extensions", &json!({"number": "105"})).0, 201);
    let rui = json!({"login": "rui", "extensions": ["105"]});
    assert_eq!(desk.post("people", &rui).0, 201);
    let (status, answer) = desk.take(&file);
    assert_eq!(status, 200, "{answer}");
    let rui = desk.world.site.people.iter().find(|it| it.login == "rui");
    assert!(rui.expect("he stays").extensions.is_empty());
    let told = &desk.world.audits.last().expect("recorded").after;
    assert!(told.contains("person rui: extensions"), "{told}");
}

#[test]
fn no_secret_and_no_person_is_in_a_file() {
    let mut desk = Desk::furnished();
    let file = desk.file();
    let site = &desk.world.site;
    let pin = site.extensions[1].settings.pin_hash.reveal().clone();
    for secret in [
        "carrier-password-1",
        "argon2id",
        &pin,
        site.extensions[0].ha1_md5.reveal(),
        "admin",
    ] {
        assert!(!secret.is_empty() && !file.contains(secret), "{secret}");
    }
    let smuggled = format!("{HEAD}[[extensions]]\nnumber = \"100\"\nha1_md5 = \"{pin}\"\n");
    let reason = desk.refused(&smuggled);
    assert!(
        reason.contains("ha1_md5: secrets are not taken from a file"),
        "{reason}"
    );
    assert!(!reason.contains(&pin), "{reason}");
}

#[test]
fn a_file_replaces_the_lists_it_has_and_leaves_the_others() {
    let mut desk = Desk::furnished();
    let file = format!("{HEAD}groups = []\n[limits]\nper_country = 3\n");
    let (status, tried) = desk.post("site", &json!({"file": file, "dry_run": true}));
    assert_eq!(status, 400, "the route leads to the group: {tried}");
    let file = format!("{HEAD}groups = []\nroutes = []\n[limits]\nper_country = 3\n");
    let version = desk.world.version;
    let (status, tried) = desk.post("site", &json!({"file": file, "dry_run": true}));
    assert_eq!((status, desk.world.version), (200, version), "{tried}");
    let told = tried["changes"].to_string();
    for change in ["group 600 deleted", "route in deleted", "limits"] {
        assert!(told.contains(change), "{told}");
    }
    assert_eq!(desk.take(&file).0, 200);
    let site = &desk.world.site;
    assert_eq!(
        (
            site.groups.len(),
            site.trunks.len(),
            site.limits.per_country
        ),
        (0, 2, 3)
    );
    assert!(
        !site.limits.tariffs.is_empty(),
        "a section of the file is whole"
    );
}

#[test]
fn an_accounts_password_goes_to_no_other_server() {
    let other_server = ("sip.example.com", "sip.evil.example");
    let through = "name = \"Carrier\"\noutbound_proxy = \"sip.evil.example\"";
    for (from, to) in [other_server, ("name = \"Carrier\"", through)] {
        let mut desk = Desk::new();
        let file = desk.file();
        assert!(file.contains(from), "{file}");
        let (status, answer) = desk.take(&file.replace(from, to));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["trunks_without_password"], json!(["Carrier"]));
        let ipc::site::TrunkAccess::Registering { password, .. } =
            &desk.world.site.trunks[0].access
        else {
            panic!("it registers")
        };
        assert_eq!(password.reveal(), "");
    }
}

#[test]
fn what_is_wrong_in_a_file_is_named() {
    let mut desk = Desk::new();
    let mut check = |file: &str, reason: &str| {
        let version = desk.world.version;
        let told = desk.refused(file);
        assert!(told.contains(reason), "{told}");
        assert_eq!(desk.world.version, version);
    };
    check("", "ramal-site: this must be `ramal-site = 1`");
    check("ramal-site = 2", "form 2 is of a later firmware");
    check("ramal-site = 1\n[[trunks]\n", "line 2: ");
    check(
        &format!("{HEAD}people = []"),
        "people: there is no such part",
    );
    check(
        &format!("{HEAD}trunks = 3"),
        "trunks: write [[trunks]] above each",
    );
    check(
        &format!("{HEAD}limits = 3"),
        "limits: write its fields below it",
    );
    check(
        &format!("{HEAD}[[trunks]]\nname = \"a\"\nchanels_max = 3"),
        "trunks \"a\": there is no field chanels_max",
    );
    check(
        &format!("{HEAD}[[extensions]]\nnumber = \"100\"\nremote = \"yes\""),
        "extensions \"100\": the field remote is of another type",
    );
    check(
        &format!("{HEAD}[[routes]]\npin = 1"),
        "routes, number 1 in the file",
    );
    check(
        &format!("{HEAD}[networks]\ninternal = [\"10.0.0.1/8\"]"),
        "networks: internal",
    );
}

#[test]
fn a_file_that_was_looked_at_is_not_taken_over_what_changed_since() {
    let mut desk = Desk::new();
    let file = desk.file();
    let tag = format!("\"{}\"", desk.world.version);
    assert_eq!(desk.post("routes", &route("mobile", "9XXXXXXXX")).0, 201);
    let wish = post("/api/site", &desk.session, &json!({ "file": file })).with("if-match", &tag);
    assert_eq!(desk.world.ask(&wish).status, 412);
    assert_eq!(desk.world.site.routes.len(), 2);
}

#[test]
fn by_the_page_a_file_is_tried_out_before_it_is_taken_over() {
    let mut desk = Desk::new();
    let download = desk.world.ask(&get("/site.toml", &desk.session));
    let name = download.header("content-disposition").unwrap_or_default();
    assert_eq!(name, "attachment; filename=\"ramal-4.toml\"");
    let file = text(&download).replace("number = \"100\"", "number = \"150\"");
    let body = |current: &str| {
        let escaped: String = file.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("file={escaped}&current={current}&reason=moved")
    };
    let tried = desk.world.ask(&form("/site", &desk.session, &body("")));
    let page = text(&tried);
    assert!(page.contains("extension 100 deleted") && page.contains("extension 150 created"));
    assert!(page.contains("name=\"current\" value=\"4\""), "{page}");
    assert_eq!(desk.world.version, 4);
    let stale = desk.world.ask(&form("/site", &desk.session, &body("3")));
    assert_eq!((stale.status, desk.world.version), (412, 4));
    let taken = desk.world.ask(&form("/site", &desk.session, &body("4")));
    assert_eq!(taken.status, 200);
    assert!(text(&taken).contains("<td class=\"strong\">150</td>"));
    assert_eq!(desk.world.site.extensions[0].number, "150");
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "configuration taken from a file (moved)");
}
