//! Why a number does not tell whose data are meant.

use config::NotWhole;

/// In English and in Portuguese; each names the field and the fix.
pub(crate) const fn text(why: NotWhole) -> (&'static str, &'static str) {
    match why {
        NotWhole::Word => (
            "number: anonymous callers and words are nobody's number; give it in digits, as \
             +5548999990021",
            "number: chamador anônimo ou palavra não é número de ninguém; informe em algarismos, \
             como +5548999990021",
        ),
        NotWhole::Area => (
            "number: without its area code it may be anybody's; give it whole, as +5548999990021 \
             or (48) 99999-0021",
            "number: sem o código de área (DDD) pode ser de qualquer pessoa; informe por inteiro, \
             como +5548999990021 ou (48) 99999-0021",
        ),
        NotWhole::Shape => (
            "number: there is no such number; compare its digits, area code included, as \
             +5548999990021",
            "number: não existe número assim; confira os algarismos, com o código de área (DDD), \
             como +5548999990021",
        ),
        NotWhole::Country => (
            "number: give it with the code of its country, as +351912345678",
            "number: informe com o código do país, como +351912345678",
        ),
        NotWhole::Own => (
            "number: it is one of the site's own numbers, and stands in calls of everybody",
            "number: é um dos números da própria instalação e está em ligações de todos",
        ),
    }
}
