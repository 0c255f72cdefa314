//! Em português do Brasil.

use config::Class;
use ipc::site::{Destination, Rewrite, Source};
use routing::{
    Kind, Outcome, Plan, Refusal, RouteVerdict, Stage, Step, TrunkVerdict, Warning, WorstCase,
};

pub(super) fn step(step: &Step, currency: &str) -> String {
    match step {
        Step::Emergency(number) => format!("{number} é um número de emergência: sempre passa"),
        Step::Feature(feature) => format!("este é o código da função {}", feature.name()),
        Step::Withheld => "o número de quem liga não deve ser mostrado".into(),
        Step::Slot(slot) => format!("{slot} é uma vaga de estacionamento"),
        Step::Extension(number) => format!("{number} é um ramal"),
        Step::Group(number) => format!("{number} é um grupo"),
        Step::Route { name, verdict, .. } => {
            let said = match verdict {
                RouteVerdict::Disabled => "está desligada".into(),
                RouteVerdict::OtherCaller => "é para outras origens".into(),
                RouteVerdict::OtherNumber => "é para outros números".into(),
                RouteVerdict::OtherTime(times) => {
                    format!("não vale agora: condição de horário {times:?}")
                }
                RouteVerdict::Taken => "recebe a chamada".into(),
            };
            format!("a rota {name:?} {said}")
        }
        Step::Rewritten { from, to } => format!("{from} passa a ser {to}"),
        Step::Read { number, kind, e164 } => {
            let whole = e164.as_ref().map(|it| format!(", {it}"));
            format!(
                "{number} é {}{}",
                self::kind(*kind),
                whole.unwrap_or_default()
            )
        }
        Step::Trunk { name, verdict } => match verdict {
            TrunkVerdict::Disabled => format!("o tronco {name:?} está desligado"),
            TrunkVerdict::Full => format!("todos os canais do tronco {name:?} estão em uso"),
            TrunkVerdict::UsedUp => format!("o limite de gasto do tronco {name:?} foi atingido"),
            TrunkVerdict::Tried(number) => format!("o tronco {name:?} recebe {number}"),
        },
        Step::Price(price) => {
            let minute = money(price.minute.into(), currency);
            match price.setup {
                0 => format!("custa {minute} por minuto"),
                setup => format!(
                    "custa {} e {minute} por minuto",
                    money(setup.into(), currency)
                ),
            }
        }
        Step::Pin => "a senha do ramal é pedida a quem liga".into(),
        Step::Recorded => "a chamada é gravada".into(),
        Step::CallBack { within, ring } => format!(
            "primeiro toca por {} segundos o ramal que ligou por último para o número de quem \
             chama, ou que o atendeu por último, nas últimas {} horas; o simulador não conhece o \
             número de quem chama nem olha os registros de ligações, e por isso não sabe dizer \
             qual é, nem se há um",
            ring.as_secs(),
            within.as_secs() / 3600
        ),
        Step::Forwarded { extension, to } => format!("o ramal {extension} desvia para {to}"),
        Step::ForwardLoop(number) => {
            format!("o desvio do ramal {number} volta ao começo e não é seguido")
        }
        Step::DoNotDisturb(number) => format!("o ramal {number} não quer ser incomodado"),
        Step::Turn(number) => format!("agora {number} é procurado"),
        Step::Refused(refusal) => self::refusal(*refusal),
    }
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Hunt(plan) => hunt(plan),
        Outcome::Feature { feature, argument } if argument.is_empty() => {
            format!("a função {} é usada", feature.name())
        }
        Outcome::Feature { feature, argument } => {
            format!("a função {} é usada com {argument}", feature.name())
        }
        Outcome::Retrieve(slot) => format!("a chamada estacionada em {slot} é retomada"),
        Outcome::Refused(refusal) => format!(
            "recusada com {}: {}",
            refusal.status(),
            self::refusal(*refusal)
        ),
    }
}

fn hunt(plan: &Plan) -> String {
    let stage = |stage: &Stage| match stage {
        Stage::Extension { number, .. } => format!("toca o ramal {number}"),
        Stage::Group { number, .. } => format!("toca o grupo {number}"),
        Stage::Trunks(outbound) => {
            let trunks = outbound.attempts.iter();
            let trunks = trunks.map(|it| format!("{} pelo tronco {:?}", it.number, it.trunk));
            format!("liga para {}", trunks.collect::<Vec<_>>().join(", senão "))
        }
        Stage::Announcement(prompt) => format!("toca o áudio {prompt:?}"),
        Stage::CallBack { .. } => {
            "toca o ramal que tratou por último com o número de quem chama, se houver".into()
        }
        Stage::Park => "a chamada é estacionada".into(),
        Stage::HangUp(status) => format!("desliga com {status}"),
        Stage::Refused(refusal) => format!("desliga com {}", refusal.status()),
    };
    let stages: Vec<String> = plan.stages.iter().map(stage).collect();
    stages.join("; depois ")
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Emergency => "um número de emergência",
        Kind::Service => "um serviço público",
        Kind::Private => "um número fora do plano público",
        Kind::TollFree => "um número gratuito",
        Kind::Collect => "uma chamada a cobrar",
        Kind::Local => "um número local",
        Kind::National => "um número de outra área",
        Kind::Mobile => "um número móvel",
        Kind::Premium => "um número de tarifa especial",
        Kind::International => "um número no exterior",
        Kind::Unknown => "de nenhum plano de numeração, e tratado como do exterior",
    }
}

fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotDialable => "isto não pode ser discado".into(),
        Refusal::NoRoute => "nenhum ramal, grupo ou rota recebe a chamada".into(),
        Refusal::UnknownCaller => "não existe essa origem".into(),
        Refusal::ClassNotAllowed => "o ramal não pode fazer chamadas desta classe".into(),
        Refusal::CountryNotAllowed => "este país não está na lista dos permitidos".into(),
        Refusal::TooManyCalls => "o ramal já tem todas as chamadas externas que pode".into(),
        Refusal::TooManyToCountry => "já há todas as chamadas permitidas para este país".into(),
        Refusal::BoxBusy => "a central já tem todas as chamadas de saída que pode".into(),
        Refusal::TooFast => "o ramal faz chamadas rápido demais".into(),
        Refusal::MinutesUsedUp => "os minutos desta classe acabaram por hoje".into(),
        Refusal::SpendUsedUp => "o limite de gasto da central ou do tronco foi atingido".into(),
        Refusal::OwnSpendUsedUp => {
            "o ramal gastou o que podia; o administrador o libera, ou a senha do ramal".into()
        }
        Refusal::OutsideOfficeHours => "não se liga ao exterior fora do expediente".into(),
        Refusal::NoPin => "a rota pede uma senha, e quem liga não tem nenhuma".into(),
        Refusal::NotPassedOn => "chamadas de fora não são repassadas para lá".into(),
        Refusal::NoTrunk => "nenhum tronco da rota pode ser usado".into(),
        Refusal::DoNotDisturb => "o ramal não quer ser incomodado".into(),
        Refusal::ByRoute(status) => format!("a rota desliga com {status}"),
        Refusal::TooManyTurns => "os números levam uns aos outros em círculo".into(),
    }
}

pub(super) fn worst_case(number: &str, worst: &WorstCase, currency: &str) -> String {
    let minutes: u64 = worst.minutes.iter().map(|talk| talk.minutes).sum();
    let parts = worst.minutes.iter().map(|talk| {
        let price = money(talk.cents.into(), currency);
        format!("{}: {} a {price}", class(talk.class), talk.minutes)
    });
    let parts: Vec<String> = parts.collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    let end = match worst.cap_cents {
        Some(cap) if cap < worst.cents => {
            format!("; um limite de gasto encerra em {}", money(cap, currency))
        }
        Some(_) | None => String::new(),
    };
    format!(
        "se o ramal {number} for roubado: {} chamadas ao mesmo tempo, {minutes} minutos por \
         dia{parts} = {} por dia{end}",
        worst.calls,
        money(worst.cents, currency)
    )
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::Internal => "interno",
        Class::Local => "local",
        Class::National => "nacional",
        Class::Mobile => "celular",
        Class::Premium => "especial",
        Class::International => "internacional",
    }
}

fn money(cents: u64, currency: &str) -> String {
    super::money(cents, currency, ',')
}

/// What a thief can do by a route.
fn by_thief(cents: u64, currency: &str) -> String {
    match cents {
        0 => String::new(),
        cents => format!(
            "; por ela um ladrão gasta até {} por dia",
            money(cents, currency)
        ),
    }
}

pub(super) fn warning(warning: &Warning, currency: &str) -> String {
    match warning {
        Warning::AnySource { route, cents } => format!(
            "a rota {route:?} leva qualquer origem para fora; diga quem pode usá-la{}",
            by_thief(*cents, currency)
        ),
        Warning::AnyNumber {
            route,
            pattern,
            cents,
        } => format!(
            "a rota {route:?} leva qualquer número para fora ({pattern}); faça uma rota para cada \
             tipo de número{}",
            by_thief(*cents, currency)
        ),
        Warning::OpenPattern {
            route,
            pattern,
            cents,
        } => format!(
            "a rota {route:?} aceita números de qualquer tamanho ({pattern}); escreva os dígitos \
             com X{}",
            by_thief(*cents, currency)
        ),
        Warning::NeverTaken { route, by } => format!(
            "a rota {route:?} nunca recebe chamadas, {by:?} antes dela recebe todas; mova-a ou \
             apague-a"
        ),
        Warning::TakenInside { route, number } => {
            format!("a rota {route:?} nunca é usada pelos ramais: {number} é um ramal ou um grupo")
        }
        Warning::TrunkToTrunk { route } => format!(
            "a rota {route:?} deixa chamadas de fora saírem de novo; confirme que é isso que quer"
        ),
        Warning::NoEmergencyTrunk => {
            "chamadas de emergência não têm por onde sair: nenhum tronco está ligado".into()
        }
        Warning::EmergencyFirst { number } => format!(
            "{number} é um número de emergência e o ramal com esse número não pode ser chamado; \
             troque-o"
        ),
        Warning::ServiceTaken { number } => format!(
            "{number} é um serviço público que ninguém aqui consegue chamar, pois um ramal tem \
             esse número; troque-o"
        ),
        Warning::NoAreaCode => "falta o DDD: números locais não podem ser completados".into(),
        Warning::UnknownAreaCode { area } => format!("não existe o DDD {area} neste país; corrija"),
        Warning::EveryCountry => {
            "todos os países podem ser chamados; liste os que a empresa realmente chama".into()
        }
        Warning::AbroadAtNight { extensions } => format!(
            "{extensions} ramal(is) podem ligar ao exterior a qualquer hora; defina o expediente \
             nos limites"
        ),
        Warning::TrunkInGrid { trunk, network } => format!(
            "o tronco {trunk:?} está em {network}, uma rede do grid: as chamadas dele passam pelo \
             túnel; se a operadora dele está na Internet, indique no túnel uma rede menor"
        ),
        Warning::NoOwnNumber => {
            "a central não tem número próprio para mostrar; inclua seus números na discagem".into()
        }
    }
}

pub(super) fn source(source: &Source) -> String {
    match source {
        Source::Extensions => "ramais".into(),
        Source::Trunks => "troncos".into(),
        Source::Extension(number) => format!("ramal {number}"),
        Source::Group(number) => format!("grupo {number}"),
        Source::Trunk(name) => format!("tronco {name:?}"),
    }
}

pub(super) fn destination(destination: &Destination) -> String {
    match destination {
        Destination::Extension(number) => format!("ramal {number}"),
        Destination::Group(number) => format!("grupo {number}"),
        Destination::Trunk(name) => format!("tronco {name:?}"),
        Destination::Number(number) if number.is_empty() => "quem tem o número".into(),
        Destination::Number(number) => format!("quem tem {number}"),
        Destination::Announcement(prompt) => format!("áudio {prompt:?}"),
        Destination::Park => "estacionamento".into(),
        Destination::HangUp(status) => format!("desliga com {status}"),
    }
}

pub(super) fn rewrite(rewrite: &Rewrite) -> String {
    let Rewrite {
        strip,
        prefix,
        caller_id,
    } = rewrite;
    let parts = [
        (*strip > 0).then(|| format!("tira {strip} na frente")),
        (!prefix.is_empty()).then(|| format!("põe {prefix} na frente")),
        (!caller_id.is_empty()).then(|| format!("mostra {caller_id}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
