//! Extensions as a list: had, tried out, taken over.

use serde_json::{Value, json};

use super::telephony::Desk;
use super::world::{form, get, text};

impl Desk {
    fn list(&mut self) -> String {
        let answer = self.get("extension-list");
        answer["file"].as_str().expect("text").to_owned()
    }

    fn take_list(&mut self, list: &str) -> (u16, Value) {
        self.post("extension-list", &json!({ "file": list }))
    }

    fn refused_list(&mut self, list: &str) -> String {
        let before = self.world.site.clone();
        let (status, answer) = self.take_list(list);
        assert_eq!(status, 400, "{answer}");
        assert_eq!(self.world.site, before, "nothing has changed");
        answer["error"].as_str().expect("a sentence").to_owned()
    }
}

#[test]
fn a_list_read_back_changes_nothing() {
    let mut desk = Desk::furnished();
    let (status, _) = desk.post(
        "extensions/101/settings",
        &json!({"caller_id": "+551130000000"}),
    );
    assert_eq!(status, 200);
    let before = desk.world.site.clone();
    let list = desk.list();
    assert!(list.starts_with("number,name,remote,classes,"), "{list}");
    let formula = "101,\"Rui \"\"R\"\" Sá\",yes,local,'+551130000000,";
    assert!(list.contains(formula), "a number is no sum: {list}");
    let (status, answer) = desk.take_list(&list);
    assert_eq!(
        (status, &answer["passwords"]),
        (200, &json!([])),
        "{answer}"
    );
    assert_eq!(desk.world.site, before);
}

#[test]
fn a_list_adds_and_changes_and_deletes_none() {
    let mut desk = Desk::furnished();
    // As a spreadsheet in Brazil writes it, in another order, with a mark at its beginning.
    let list = "\u{feff}nome;Ramal;remoto;aparelhos\r\nAna Luz;205;não;\r\n;101;;3\r\n;;;\r\n";
    let tried = json!({"file": list, "dry_run": true});
    let (status, tried) = desk.post("extension-list", &tried);
    assert_eq!(
        (status, &tried["new_extensions"], &tried["changes"]),
        (
            200,
            &json!(["205"]),
            &json!([
                "extension 101: contacts_max 5 -> 3",
                "extension 205 created"
            ])
        ),
        "{tried}"
    );
    let before = desk.world.site.clone();
    let (status, answer) = desk.take_list(list);
    assert_eq!(status, 200, "{answer}");
    let [made] = answer["passwords"].as_array().expect("a list").as_slice() else {
        panic!("{answer}")
    };
    assert_eq!(made["number"], json!("205"));
    assert_eq!(made["password"].as_str().map(str::len), Some(16));
    let site = &desk.world.site;
    assert_eq!(site.extensions.len(), before.extensions.len() + 1);
    let of = |number: &str| site.extensions.iter().find(|it| it.number == number);
    let new = of("205").expect("it is there");
    assert_eq!((new.display_name.as_str(), new.remote), ("Ana Luz", false));
    let old = of("101").expect("it is there");
    assert_eq!(
        old.display_name, "Rui \"R\" Sá",
        "an empty cell changes nothing"
    );
    assert_eq!((old.remote, old.settings.contacts_max), (true, 3));
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "extensions taken from a list");
    let password = made["password"].as_str().expect("text");
    assert!(!format!("{:?}", desk.world.audits).contains(password));
}

#[test]
fn what_is_wrong_with_a_list_is_named_by_line_and_column() {
    let mut desk = Desk::furnished();
    for (list, wanted) in [
        (
            "",
            "line 1, column number: the first line names the columns",
        ),
        ("name\nAna\n", "line 1, column number: "),
        (
            "number,nmae\n200,Ana\n",
            "line 1, column nmae: there is no such column; there are",
        ),
        (
            "number,ramal\n200,201\n",
            "line 1, column ramal: it is there twice",
        ),
        (
            "number,Senha\n200,abc\n",
            "line 1, column Senha: passwords are made by the box",
        ),
        (
            "number,name\n200\n",
            "line 2: it has 1 cells, and the first line 2",
        ),
        (
            "number,name\n,Ana\n",
            "line 2, column number: each line needs one",
        ),
        (
            "number\n200\n201\n200\n",
            "line 4, column number: 200 is on two lines",
        ),
        (
            "number,remote\n200,perhaps\n",
            "line 2, column remote: \"perhaps\" is neither yes nor no",
        ),
        (
            "number,devices\n200,two\n",
            "line 2, column devices: \"two\" is no whole number",
        ),
        (
            "number,devices\n200,900\n",
            "line 2, column devices: \"900\" is not one of what",
        ),
        (
            "number,classes\n200,local moon\n",
            "line 2, column classes: \"local moon\" is not one",
        ),
        // What the site as a whole does not take.
        ("number\n2x\n", "2x"),
        ("number,devices\n200,99\n", "contacts_max"),
        // A group's number.
        ("number\n600\n", "600"),
    ] {
        let said = desk.refused_list(list);
        assert!(said.contains(wanted), "{list:?}: {said}");
    }
}

#[test]
fn a_person_tries_a_list_on_the_page_before_it_is_taken_over() {
    let mut desk = Desk::furnished();
    let page = text(&desk.world.ask(&get("/extension-list", &desk.session)));
    assert!(page.contains("/extension-list.csv"), "{page}");
    let download = desk.world.ask(&get("/extension-list.csv", &desk.session));
    assert_eq!(
        download.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let mut send = |body: &str| {
        let answer = desk
            .world
            .ask(&form("/extension-list", &desk.session, body));
        (answer.status, text(&answer))
    };
    let (_, page) = send("file=number%0a205%0a");
    assert!(page.contains("extension 205 created"), "{page}");
    let mark = "name=\"current\" value=\"";
    let (_, current) = page.split_once(mark).expect("it asks");
    let (current, _) = current.split_once('"').expect("closed");
    let (status, page) = send(&format!("file=number%0a205%0a&current={current}"));
    assert_eq!(status, 200);
    assert!(page.contains("<td class=\"strong\">205</td>"), "{page}");
    let (status, page) = send("file=number%0ax%0a");
    assert_eq!(status, 400);
    assert!(page.contains("role=\"alert\""), "{page}");
}
