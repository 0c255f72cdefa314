//! The page of the routes: what leads where, what is dangerous about it, and the simulator.

use super::explain::{Answer, Question, answer};
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::Request;
use crate::pages;
use crate::step::{Moment, Step};

/// What the form of the simulator says.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// `extension:100` or `trunk:Carrier A`.
    pub(crate) from: String,
    pub(crate) dialled: String,
    /// The site's local time; empty for now.
    pub(crate) at: String,
}

/// The page. A question is a part of its address: it changes nothing, so it may be asked again.
pub(crate) fn page(admin: &Admin, moment: &Moment, request: &Request, caller: &Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let dangers = match admin.dangers() {
        Ok(dangers) => dangers,
        Err(fault) => return caller.refuse(&fault),
    };
    let asked = Asked::read(request);
    let told = asked.question().map(|question| -> Result<Answer, Fault> {
        answer(admin, moment, &question, caller.language)
    });
    let response = pages::routes(caller, site, dangers, &asked, told.as_ref());
    Step::Respond(response.sealed())
}

impl Asked {
    fn read(request: &Request) -> Self {
        let field = |name| request.query_field(name).unwrap_or_default();
        Self {
            from: field("from"),
            dialled: field("dialled").trim().to_owned(),
            at: field("at").trim().to_owned(),
        }
    }

    /// `None` while nothing is asked.
    fn question(&self) -> Option<Question> {
        if self.dialled.is_empty() {
            return None;
        }
        let (from, trunk) = match self.from.split_once(':') {
            Some(("extension", number)) => (number, ""),
            Some(("trunk", name)) => ("", name),
            Some(_) | None => ("", ""),
        };
        Some(Question {
            from: from.to_owned(),
            trunk: trunk.to_owned(),
            dialled: self.dialled.clone(),
            at: self.at.clone(),
            ..Question::default()
        })
    }
}
