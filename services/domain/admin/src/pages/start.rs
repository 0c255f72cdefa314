//! The first steps on a new box.

use ipc::site::{Country, Site};
use maud::{Markup, html};

use super::dashboard::{phones_part, trunks_part};
use super::layout::{Place, own_password, page};
use crate::actions::start::Stage;
use crate::admin::Caller;
use crate::dashboard::Dashboard;
use crate::fault::Fault;
use crate::form::Said;
use crate::http::Response;
use crate::permission::Permission;
use crate::routes::may_open;
use crate::text::Language;
use crate::views::Warning;

/// What a step is shown with.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) site: Site,
    pub(crate) dashboard: Dashboard,
    /// The newest backup that was tried out and that today's code opens, by name, where somebody
    /// may have it.
    pub(crate) backup: Option<String>,
    /// What somebody has typed that would not do.
    pub(crate) typed: Vec<(String, String)>,
}

impl Stand {
    /// What stands in a field: as typed, or else so.
    fn value(&self, name: &str, otherwise: &str) -> String {
        let typed = self.typed.iter().find(|(key, _)| key == name);
        typed.map_or_else(|| otherwise.to_owned(), |(_, value)| value.clone())
    }
}

/// A step.
pub(crate) fn start(
    caller: &Caller,
    stage: Stage,
    stand: &Stand,
    fault: Option<&Fault>,
) -> Response {
    let language = caller.language;
    let say = |said: Said| language.said(said);
    let title = say(title(stage));
    let body = html! {
        div.steps {
            ol aria-label=(say(("First steps", "Primeiros passos"))) {
                @for step in Stage::ALL {
                    li { a href=(step.address())
                        aria-current=[(step == stage).then_some("step")] {
                        (say(self::title(step)))
                    }
                    }
                }
            }
            section.card {
                h1 { (title) }
                @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
                (step(caller, stage, stand))
            }
            @if stage != Stage::Ready {
                form method="post" action="/start/skip" {
                    p { button.quiet type="submit" {
                        (say(("Leave the first steps", "Sair dos primeiros passos")))
                    } }
                }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Start, title, &body)
}

const fn title(stage: Stage) -> Said {
    match stage {
        Stage::Language => ("Language", "Idioma"),
        Stage::Time => ("Time", "Hora"),
        Stage::Network => ("Network", "Rede"),
        Stage::Numbers => ("Numbers", "Números"),
        Stage::Extensions => ("Extensions", "Ramais"),
        Stage::Trunk => ("Carrier", "Operadora"),
        Stage::Backup => ("Backup", "Backup"),
        Stage::Ready => ("First call", "Primeira ligação"),
    }
}

fn step(caller: &Caller, stage: Stage, stand: &Stand) -> Markup {
    let language = caller.language;
    match stage {
        Stage::Language => speak(language),
        Stage::Time => time(language, stand),
        Stage::Network => network(caller, stand),
        Stage::Numbers => numbers(language, stand),
        Stage::Extensions => extensions(language, stand),
        Stage::Trunk => trunk(caller, stand),
        Stage::Backup => backup(caller, stand),
        Stage::Ready => ready(caller, stand),
    }
}

/// The form of a step, which goes on with the next one.
fn asked(language: Language, stage: Stage, fields: &Markup) -> Markup {
    html! {
        form.sheet method="post" action=(stage.address()) {
            (fields)
            div.row {
                button type="submit" { (language.words().go_on) }
                a.quiet.button href=(stage.next().address()) {
                    (language.said(("Not now", "Agora não")))
                }
            }
        }
    }
}

fn go_on(language: Language, stage: Stage) -> Markup {
    html! { p { a.button href=(stage.next().address()) { (language.words().go_on) } } }
}

fn speak(language: Language) -> Markup {
    let is = |one: Language| language == one;
    let fields = html! {
        fieldset { legend { "Idioma / Language" }
            label.check {
                input type="radio" name="language" value="pt-BR" checked[is(Language::Portuguese)];
                span { "Português" }
            }
            label.check {
                input type="radio" name="language" value="en" checked[is(Language::English)];
                span { "English" }
            }
        }
    };
    asked(language, Stage::Language, &fields)
}

fn time(language: Language, stand: &Stand) -> Markup {
    let (clock, _) = &stand.dashboard.clock;
    let zone = stand.value("zone", &stand.site.dialling.zone);
    let fields = html! {
        p { (language.said(("The box's clock shows", "O relógio da central mostra"))) " "
            b { (clock) } "." }
        label { (language.said(("Time zone", "Fuso horário")))
            input name="zone" value=(zone) list="zones" required autocomplete="off";
            span.hint { (language.said((
                "Continent/City, as America/Sao_Paulo. Hours, holidays and caps of a day go by it.",
                "Continente/Cidade, como America/Sao_Paulo. Horários, feriados e limites do dia \
                 seguem este fuso.",
            ))) }
        }
        datalist #zones { @for zone in ZONES { option value=(zone) {} } }
    };
    asked(language, Stage::Time, &fields)
}

fn network(caller: &Caller, stand: &Stand) -> Markup {
    let language = caller.language;
    let words = language.words();
    html! {
        table {
            thead { tr { th { (words.interface) } th { (words.address) } th { (words.gateway) } } }
            tbody { @for link in &stand.dashboard.view.network { tr {
                td.strong { (link.name) }
                td { (link.address) @for address in &link.ipv6 { br; span.hint { (address) } } }
                td { (link.gateway) }
            } } }
        }
        p { (language.said((
            "Phones look for the box at its address: it should stay the same. Reserve it in your \
             router, or set a fixed one.",
            "Os telefones procuram a central no endereço dela: ele deve ficar o mesmo. Reserve-o \
             no roteador, ou configure um endereço fixo.",
        ))) }
        @if caller.may(Permission::ManageBox) {
            p { a href="/network" { (language.said(("Set a fixed address",
                "Configurar um endereço fixo"))) } }
        }
        (go_on(language, Stage::Network))
    }
}

fn numbers(language: Language, stand: &Stand) -> Markup {
    let dialling = &stand.site.dialling;
    let country = match dialling.country {
        Country::Brazil => "br",
        Country::Portugal => "pt",
    };
    let country = stand.value("country", country);
    let own = dialling.owned_numbers.first().map_or("", String::as_str);
    let fields = html! {
        label { (language.said(("Country", "País")))
            select name="country" {
                option value="br" selected[country == "br"] {
                    (language.said(("Brazil", "Brasil"))) }
                option value="pt" selected[country == "pt"] { "Portugal" }
            }
        }
        label { (language.said(("Area code (Brazil)", "DDD (Brasil)")))
            input name="area_code" value=(stand.value("area_code", &dialling.area_code))
                inputmode="numeric" autocomplete="off";
        }
        label { (language.said(("Your main number", "Seu número principal")))
            input name="own_number" value=(stand.value("own_number", own)) inputmode="tel"
                autocomplete="off";
            span.hint { (language.said((
                "As +551132345678; empty when you have none yet.",
                "Como +551132345678; vazio se ainda não tem.",
            ))) }
        }
        p.hint { (language.said((
            "Emergency numbers of the country are known to the box, and can be dialled from each \
             phone at all times once there is a trunk.",
            "A central conhece os números de emergência do país; de cada telefone eles podem ser \
             discados sempre, assim que houver um tronco.",
        ))) }
    };
    asked(language, Stage::Numbers, &fields)
}

fn extensions(language: Language, stand: &Stand) -> Markup {
    let taken = stand.site.extensions.len();
    let fields = html! {
        @if taken > 0 {
            p.notice { (language.said(("Extensions there are already:", "Ramais que já existem:")))
                " " (taken) }
        }
        label { (language.said(("How many phones", "Quantos telefones")))
            input name="count" value=(stand.value("count", "2")) required inputmode="numeric"
                pattern="[0-9]{1,2}" autocomplete="off";
            span.hint { (language.said(("1 to 16; more can be added later.",
                "1 a 16; outros podem ser criados depois."))) }
        }
        label { (language.said(("Number of the first", "Número do primeiro")))
            input name="first" value=(stand.value("first", "100")) required inputmode="numeric"
                pattern="[0-9]{2,10}" autocomplete="off";
            span.hint { (language.said((
                "Its length is that of all: 10, 100 or 1000 for two, three or four digits. \
                 Numbers that begin with 1 do not get in the way of outside ones.",
                "O tamanho dele é o de todos: 10, 100 ou 1000 para dois, três ou quatro dígitos. \
                 Números que começam com 1 não atrapalham os de fora.",
            ))) }
        }
        label { (language.said(("Names, each on a line", "Nomes, um por linha")))
            textarea name="names" rows="4" { (stand.value("names", "")) }
        }
        p.hint { (language.said((
            "The next page shows the passwords, once, on cards to print.",
            "A próxima página mostra as senhas, uma única vez, em cartões para imprimir.",
        ))) }
    };
    asked(language, Stage::Extensions, &fields)
}

fn trunk(caller: &Caller, stand: &Stand) -> Markup {
    let language = caller.language;
    if !stand.site.trunks.is_empty() {
        return html! {
            p { (language.said((
                "The state below is as it is now. \"registered\" means that your carrier knows \
                 the box, \"in service\" that its server answers. Where it is neither, the line \
                 says what to do; the box goes on trying, and so may you go on.",
                "O estado abaixo é o de agora. \"registrado\" significa que a operadora conhece a \
                 central, \"em serviço\" que o servidor dela responde. Se não for nenhum dos dois, \
                 a linha diz o que fazer; a central segue tentando, e você pode seguir também.",
            ))) }
            (trunks_part(caller, &stand.dashboard))
            p { a href="/trunks" { (language.said(("Change a trunk", "Mudar um tronco"))) } " · "
                a href="/routes" { (language.said(("See the routes", "Ver as rotas"))) } }
            (go_on(language, Stage::Trunk))
        };
    }
    let text = |name: &str, label: Said, hint: Said| {
        html! {
            label { (language.said(label))
                input name=(name) value=(stand.value(name, "")) required autocomplete="off"
                    autocapitalize="none" spellcheck="false";
                @if !hint.1.is_empty() { span.hint { (language.said(hint)) } }
            }
        }
    };
    let fields = html! {
        (text("name", ("What you call it", "Como você o chama"),
            ("Vivo, office line", "Vivo, linha do escritório")))
        (text("server", ("Server", "Servidor"), ("sip.carrier.example", "sip.operadora.example")))
        (text("user", ("User or number", "Usuário ou número"), ("", "")))
        label { (language.said(("Password", "Senha")))
            input type="password" name="password" autocomplete="new-password";
        }
        label { (language.said(("Before an outside number people dial",
                "Antes de um número de fora disca-se")))
            select name="prefix" {
                option value="" { (language.said(("nothing", "nada"))) }
                option value="0" selected[stand.value("prefix", "") == "0"] { "0" }
            }
        }
        label { (language.said(("Calls from outside ring at", "Chamadas de fora tocam em")))
            select name="target" {
                @for extension in &stand.site.extensions {
                    option value=(extension.number)
                        selected[stand.value("target", "") == extension.number] {
                        (extension.number) " " (extension.display_name)
                    }
                }
                option value="" { (language.said(("nobody yet", "ninguém ainda"))) }
            }
        }
        p.hint { (language.said((
            "Routes are made for local, mobile, national and free numbers; none to other \
             countries.",
            "São criadas rotas para números locais, celulares, DDD e 0800; nenhuma para o \
             exterior.",
        ))) }
    };
    asked(language, Stage::Trunk, &fields)
}

/// Two things that outlive the box: the code, and a backup that is not on it.
fn backup(caller: &Caller, stand: &Stand) -> Markup {
    let language = caller.language;
    let say = |said: Said| language.said(said);
    let warnings = &stand.dashboard.view.warnings;
    let missing = warnings.contains(&Warning::BackupCodeMissing);
    let may = caller.may(Permission::ManageData);
    html! {
        p { (say((
            "The box makes a backup each day, on its own disk. When it is lost, another takes its \
             place with a backup from elsewhere and the code that opens it.",
            "A central faz um backup por dia, no disco dela. Se ela se perder, outra toma o lugar \
             dela com um backup guardado em outro lugar e o código que o abre.",
        ))) }
        h2 { (say(("The code", "O código"))) }
        @if !missing {
            p { (say(("Somebody has the code.", "Alguém tem o código."))) }
        } @else {
            p.notice { (say((
                "Nobody has that code yet. Have it made, write it down, and keep it away from the \
                 box.",
                "Ninguém tem esse código ainda. Peça-o, anote-o e guarde-o longe da central.",
            ))) }
            @if may {
                form.sheet method="post" action="/backups/code" {
                    (own_password(caller))
                    div.row { button.quiet type="submit" {
                        (say(("Make the code", "Gerar o código")))
                    } }
                }
            } @else {
                p { (say(("An administrator can.", "Um administrador pode."))) }
            }
        }
        h2 { (say(("A copy away from the box", "Uma cópia longe da central"))) }
        @match &stand.backup {
            Some(name) => {
                p { (say((
                    "Put it onto a USB stick, or where you keep what must not be lost. It is \
                     encrypted; take a new one when much has changed.",
                    "Guarde-a num pendrive, ou onde fica o que não pode se perder. É cifrada; \
                     pegue outra quando muito mudar.",
                ))) }
                p { a.quiet.button href={ "/backups/" (name) } download {
                    (say(("Download the backup", "Baixar o backup")))
                } }
            }
            None if may => p { (say((
                "The first is being made; it is here when you look again in a minute.",
                "O primeiro está sendo feito; estará aqui se você olhar de novo em um minuto.",
            ))) " " a href=(Stage::Backup.address()) { (say(("Look again", "Ver de novo"))) } },
            None => p { (say(("An administrator can take one.",
                "Um administrador pode pegar uma."))) },
        }
        @if may_open("/backups", caller.permissions) {
            p { a href="/backups" { (say(("All about backups", "Tudo sobre backups"))) } }
        }
        (go_on(language, Stage::Backup))
    }
}

fn ready(caller: &Caller, stand: &Stand) -> Markup {
    let language = caller.language;
    let numbers: Vec<&str> = stand
        .site
        .extensions
        .iter()
        .map(|it| it.number.as_str())
        .collect();
    html! {
        p { (language.said((
            "Enter what stands on a card in each phone. It is registered when it is listed here.",
            "Informe em cada telefone o que está no cartão. Ele está registrado quando aparece \
             aqui.",
        ))) }
        (phones_part(caller, &stand.dashboard))
        @if let [first, second, ..] = numbers.as_slice() {
            p.dial { (language.said(("From", "Do ramal"))) " " b { (first) } " "
                (language.said(("dial", "disque"))) " " b { (second) } "." }
        }
        form method="post" action=(Stage::Ready.address()) {
            div.row { button type="submit" { (language.said(("Done", "Pronto"))) } }
        }
    }
}

/// Zones that are offered; every other one can be typed.
const ZONES: [&str; 18] = [
    "America/Sao_Paulo",
    "America/Bahia",
    "America/Fortaleza",
    "America/Recife",
    "America/Belem",
    "America/Manaus",
    "America/Cuiaba",
    "America/Campo_Grande",
    "America/Porto_Velho",
    "America/Boa_Vista",
    "America/Rio_Branco",
    "America/Noronha",
    "Europe/Lisbon",
    "Atlantic/Madeira",
    "Atlantic/Azores",
    "America/Argentina/Buenos_Aires",
    "America/Santiago",
    "America/Mexico_City",
];
