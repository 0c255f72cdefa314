//! Why something about the certificate of the pages is refused.

use super::Fault;
use crate::calendar::rfc3339;
use crate::certificate::CertificateFault;
use crate::form::Said;
use crate::text::Language;

impl From<CertificateFault> for Fault {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificate(fault)
    }
}

impl CertificateFault {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Away => 503,
            Self::Internal => 500,
            Self::ConfirmFirst => 403,
            Self::NoRequest | Self::EndsPasskeys(_) | Self::AskedForAnother(_) => 409,
            Self::NotAName
            | Self::NotPem
            | Self::PrivateKey
            | Self::TooMany
            | Self::Unreadable(_)
            | Self::OtherKey
            | Self::NotSignedByNext(_)
            | Self::NotSigned
            | Self::NotForServers
            | Self::NotYet(_)
            | Self::Over(_)
            | Self::OtherName(_) => 400,
        }
    }

    pub(super) fn text(&self, language: Language) -> String {
        let (english, portuguese) = match self {
            Self::Unreadable(at) => (
                format!("certificate {at} cannot be read; have the file sent anew"),
                format!("o certificado {at} não pode ser lido; peça o arquivo de novo"),
            ),
            Self::NotSignedByNext(at) => (
                format!(
                    "certificate {at} was not signed by the one behind it: put that of the box \
                     first, and behind each the one that signed it"
                ),
                format!(
                    "o certificado {at} não foi assinado pelo seguinte: ponha primeiro o da \
                     central, e depois de cada um o que o assinou"
                ),
            ),
            Self::NotYet(millis) => (
                format!(
                    "it is valid from {} on only: see whether the clock of the box is right",
                    rfc3339(*millis)
                ),
                format!(
                    "ele só vale a partir de {}: veja se o relógio da central está certo",
                    rfc3339(*millis)
                ),
            ),
            Self::Over(millis) => (
                format!(
                    "it ended on {}: have it signed again, or see whether the clock of the box is \
                     right",
                    rfc3339(*millis)
                ),
                format!(
                    "ele terminou em {}: peça outra assinatura, ou veja se o relógio da central \
                     está certo",
                    rfc3339(*millis)
                ),
            ),
            Self::OtherName(name) => (
                format!(
                    "it is not for {name}, which the request asks for: have the request signed as \
                     it is, or make one for another name"
                ),
                format!(
                    "ele não é para {name}, que o pedido informa: peça a assinatura do pedido como \
                     ele é, ou faça um para outro nome"
                ),
            ),
            Self::EndsPasskeys(name) => ends_passkeys(name),
            Self::AskedForAnother(name) => asked_for_another(name),
            Self::Away => owned(AWAY),
            Self::Internal => owned(INTERNAL),
            Self::NotAName => owned(NOT_A_NAME),
            Self::NoRequest => owned(NO_REQUEST),
            Self::NotPem => owned(NOT_PEM),
            Self::PrivateKey => owned(PRIVATE_KEY),
            Self::TooMany => owned(TOO_MANY),
            Self::OtherKey => owned(OTHER_KEY),
            Self::ConfirmFirst => owned(CONFIRM_FIRST),
            Self::NotSigned => owned(NOT_SIGNED),
            Self::NotForServers => owned(NOT_FOR_SERVERS),
        };
        match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }
}

fn owned((english, portuguese): Said) -> (String, String) {
    (english.to_owned(), portuguese.to_owned())
}

fn ends_passkeys(name: &str) -> (String, String) {
    (
        format!(
            "it is not for {name}, and there are passkeys that work by that name alone: nobody \
             could use those any more. Have it signed for {name} too; or see that everybody has an \
             app or a code, then tick that it may leave the name out (\"ends_passkeys\": true)"
        ),
        format!(
            "ele não é para {name}, e há chaves de acesso que só funcionam por esse nome: ninguém \
             poderia mais usar essas. Peça a assinatura também para {name}; ou veja que todos \
             tenham um aplicativo ou um código, e marque que o nome pode faltar \
             (\"ends_passkeys\": true)"
        ),
    )
}

fn asked_for_another(name: &str) -> (String, String) {
    (
        format!(
            "passkeys work by the name that the request was made with, and this one was made with \
             another than {name}: nobody could use those made for {name} any more, whatever else \
             the certificate names. Make the request with {name}; or see that everybody has an \
             app or a code, then tick that it may leave the name out (\"ends_passkeys\": true)"
        ),
        format!(
            "chaves de acesso funcionam pelo nome com que o pedido foi feito, e este foi feito com \
             outro que não {name}: ninguém poderia mais usar as criadas para {name}, quaisquer que \
             sejam os outros nomes do certificado. Faça o pedido com {name}; ou veja que todos \
             tenham um aplicativo ou um código, e marque que o nome pode faltar \
             (\"ends_passkeys\": true)"
        ),
    )
}

const AWAY: Said = (
    "the store does not answer, so no key can be kept; try again in a few seconds",
    "o armazenamento não responde e nenhuma chave pode ser guardada; tente em alguns segundos",
);

const INTERNAL: Said = (
    "no key or request could be made; see the log",
    "nenhuma chave ou pedido pôde ser feito; veja o registro",
);

const NOT_A_NAME: Said = (
    "name: write a whole name, as pbx.example.com, without a wildcard; where only that name is \
     wanted, it cannot be left out",
    "name: escreva um nome completo, como pbx.example.com, sem curinga; onde só esse nome é \
     pedido, ele não pode faltar",
);

const NO_REQUEST: Said = (
    "no key of this box waits for a certificate: make a request first, and have that signed",
    "nenhuma chave desta central espera um certificado: faça um pedido primeiro, e peça a \
     assinatura dele",
);

const NOT_PEM: Said = (
    "there is no certificate in it: send text with -----BEGIN CERTIFICATE-----, 32 KiB at most",
    "não há certificado nele: envie texto com -----BEGIN CERTIFICATE-----, no máximo 32 KiB",
);

const PRIVATE_KEY: Said = (
    "there is a private key in it, which was not kept: the box has its own, and whoever has sent \
     this one should make another. Send certificates alone",
    "há uma chave privada nele, que não foi guardada: a central tem a sua, e quem enviou esta deve \
     fazer outra. Envie só certificados",
);

const TOO_MANY: Said = (
    "more than eight certificates are no chain: send that of the box and those that lead from it \
     to the authority",
    "mais de oito certificados não são uma cadeia: envie o da central e os que levam dele à \
     autoridade",
);

const CONFIRM_FIRST: Said = (
    "it is for another key than the signed one that is served: say your password again (POST \
     /api/confirm), then repeat within five minutes; a token may only renew for the same key",
    "ele é para outra chave que a do assinado em uso: informe sua senha de novo (POST \
     /api/confirm) e repita em até cinco minutos; um token só pode renovar para a mesma chave",
);

const OTHER_KEY: Said = (
    "the first certificate is not for a key of this box: have the request signed that it shows \
     now, and put its certificate first",
    "o primeiro certificado não é para uma chave desta central: peça a assinatura do pedido que \
     ela mostra agora, e ponha o certificado dele primeiro",
);

const NOT_SIGNED: Said = (
    "one of the certificates was not signed by the key of the one behind it, which has the right \
     name: have the chain sent anew",
    "um dos certificados não foi assinado pela chave do seguinte, que tem o nome certo: peça a \
     cadeia de novo",
);

const NOT_FOR_SERVERS: Said = (
    "a browser would not take it: the authority does not allow it for a server (server \
     authentication), or one behind it may not sign; ask for a certificate of a web server",
    "um navegador não o aceitaria: a autoridade não o permite para um servidor (autenticação de \
     servidor), ou um dos seguintes não pode assinar; peça um certificado de servidor web",
);
