//! What to do about a trunk that is not up, by the state that the exchange tells of it.

use crate::form::Said;

/// A sentence for whoever sets the trunk up; `None` while there is nothing to do but to wait.
pub(crate) fn advice(state: &str) -> Option<Said> {
    let Some(refusal) = state.strip_prefix("refused: ") else {
        return of_no_answer(state);
    };
    Some(match refusal {
        "user or password is wrong" => PASSWORD,
        _ if refusal.starts_with("asked for a password of the realm") => REALM,
        _ if refusal.starts_with("asked for a password") => WAY,
        _ => match refusal.split(' ').next().unwrap_or_default() {
            "401" | "403" | "407" => BARRED,
            "404" | "604" => UNKNOWN,
            "408" | "500" | "502" | "503" | "504" => THEIRS,
            _ => REFUSED,
        },
    })
}

fn of_no_answer(state: &str) -> Option<Said> {
    match state {
        "not enabled" => Some(OFF),
        "the server's name has no address" => Some(NAME),
        "no answer" => Some(SILENT),
        _ => None,
    }
}

const OFF: Said = (
    "It is switched off: switch it on under Trunks.",
    "Está desligado: ligue-o em Troncos.",
);
const NAME: Said = (
    "Check the server's name letter by letter, and under Network that the box has a gateway and \
     DNS.",
    "Confira o nome do servidor letra por letra e, em Rede, se a central tem gateway e DNS.",
);
const SILENT: Said = (
    "Nothing comes back from the server. Check its name and port, switch SIP ALG off in the \
     router, and ask the carrier whether it has to know your address first.",
    "Nada volta do servidor. Confira nome e porta, desligue o SIP ALG no roteador, e pergunte à \
     operadora se ela precisa conhecer o seu endereço antes.",
);
const PASSWORD: Said = (
    "Type user and password again, as the carrier wrote them. Some have another user name for \
     signing in: there is a field for it under Trunks.",
    "Digite usuário e senha de novo, como a operadora escreveu. Algumas têm outro usuário para \
     autenticar: há um campo para ele em Troncos.",
);
const REALM: Said = (
    "The password goes to the realm that was set alone. If the carrier confirms the other one, \
     set it under Trunks.",
    "A senha só vai ao realm configurado. Se a operadora confirmar o outro, configure-o em \
     Troncos.",
);
const WAY: Said = (
    "The box proves passwords by Digest with MD5 or SHA-256: ask the carrier for that.",
    "A central prova senhas por Digest com MD5 ou SHA-256: peça isso à operadora.",
);
const BARRED: Said = (
    "The carrier lets this account in from nowhere, or not from here: ask it whether the account \
     is active and bound to another address.",
    "A operadora não deixa esta conta entrar, ou não daqui: pergunte se a conta está ativa e se \
     está presa a outro endereço.",
);
const UNKNOWN: Said = (
    "The carrier does not know this user: check it, and that the server is the right one.",
    "A operadora não conhece este usuário: confira-o, e se o servidor é o certo.",
);
const THEIRS: Said = (
    "The carrier has trouble of its own. The box goes on trying.",
    "O problema é da operadora. A central segue tentando.",
);
const REFUSED: Said = (
    "Tell the carrier this answer. SIP trace shows what was said.",
    "Informe esta resposta à operadora. O Rastreio SIP mostra o que foi dito.",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_what_to_do_and_what_goes_well_has_nothing() {
        for fine in [
            "registered",
            "registering",
            "in service",
            "looking for the server",
        ] {
            assert_eq!(advice(fine), None, "{fine}");
        }
        let check = |state: &str, said: Said| assert_eq!(advice(state), Some(said), "{state}");
        check("not enabled", OFF);
        check("the server's name has no address", NAME);
        check("no answer", SILENT);
        check("refused: user or password is wrong", PASSWORD);
        check("refused: asked for a password of the realm \"x\"", REALM);
        check("refused: asked for a password in a way unknown to us", WAY);
        check("refused: 403 Forbidden", BARRED);
        check("refused: 404 Not Found", UNKNOWN);
        check("refused: 503 Service Unavailable", THEIRS);
        check("refused: 488 Not Acceptable Here", REFUSED);
    }
}
