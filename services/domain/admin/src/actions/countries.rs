//! Countries: who came from where, and that nobody shuts himself out (R48, R49).

use ipc::guard;
use ipc::pbx;
use ipc::site::Site;

use crate::admin::{Admin, Caller};
use crate::countries_view::CountriesView;
use crate::fault::Fault;
use crate::http::Response;
use crate::pages;
use crate::routes::Face;
use crate::step::Step;

/// Shows them. Nobody else can say what came by SIP; whether a masquerade is suspected is left out
/// where nobody can say that.
pub(crate) fn show(caller: Caller) -> Step {
    Step::Guard(
        guard::Request::Status,
        Box::new(move |_, _, reply| {
            let is_suspected = match reply {
                Ok(guard::Reply::Status(status)) => status.masquerade.defeats_countries(),
                _ => false,
            };
            Step::Pbx(
                pbx::Request::Status,
                Box::new(move |admin, _, reply| {
                    let Ok(pbx::Reply::Status(status)) = reply else {
                        return caller.refuse(&Fault::PbxAway);
                    };
                    view(admin, &caller, is_suspected, status.arrivals)
                }),
            )
        }),
    )
}

fn view(
    admin: &Admin,
    caller: &Caller,
    is_suspected: bool,
    mut arrivals: Vec<guard::Arrivals>,
) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let site = match config::Site::parse(site) {
        Ok(site) => site,
        Err(faults) => return caller.refuse(&faults.into()),
    };
    let borders = admin.gate.borders();
    arrivals.extend(borders.arrivals());
    let view = CountriesView::new(&site.countries, borders.table(), is_suspected, arrivals);
    let response = match caller.face {
        Face::Api => Response::json(200, &view),
        Face::Page | Face::Asset => pages::countries(caller, &view),
    };
    Step::Respond(response.sealed())
}

/// Whether a caller may have countries refused so: not where he would be refused himself, and could
/// not take it back. Who is signed in is heard for some hours, which is no comfort afterwards.
pub(crate) fn may_refuse(
    admin: &Admin,
    caller: &Caller,
    before: &Site,
    after: &Site,
) -> Result<(), Fault> {
    if before.countries == after.countries && before.networks == after.networks {
        return Ok(());
    }
    let after = config::Site::parse(after)?;
    admin
        .gate
        .would_refuse(&after, caller.peer)
        .map_or(Ok(()), |(country, address)| {
            Err(Fault::OwnCountry { country, address })
        })
}
