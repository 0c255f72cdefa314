//! What the kernel refuses is said by the name of what it refuses.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::*;
use crate::attribute::Attributes;
use crate::batch::Batch;
use crate::error::FirewallError;
use crate::socket::Netfilter;
use crate::subject::Subject;
use crate::uapi::{
    NFT_MSG_NEWRULE, NFTA_EXPR_NAME, NFTA_LIST_ELEM, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS,
    NFTA_RULE_TABLE, NLM_F_APPEND, NLM_F_CREATE,
};

#[test]
fn a_refusal_names_what_was_refused_and_leaves_all_as_it_was() {
    if !is_root() {
        return;
    }
    let world = World::plug_in();
    let [four, _] = versions();
    let firewall = firewall();
    let accept = [Statement::to_port(Transport::Udp, SIP), Statement::accept()];
    let good = guarded(Vec::new(), vec![Rule::new(accept)]);
    firewall.load(&good).expect("taken");
    // A chain that chooses routes is for what leaves alone.
    let mut bad = guarded(Vec::new(), Vec::new());
    bad.chains.push(Chain {
        name: "routes".to_owned(),
        base: Some(Base {
            kind: ChainKind::Route,
            ..base(Hook::Input, 0, Policy::Accept)
        }),
        rules: Vec::new(),
    });
    let refused = firewall.load(&bad).expect_err("refused").to_string();
    assert_eq!(
        refused,
        "chain routes: Operation not supported (os error 95) (does the kernel have this kind of \
         chain at this hook?)"
    );
    assert!(world.arrives(four.stranger, four.own, SIP), "as before");
    assert_eq!(firewall.elements(&good.sets[0]).expect("read").len(), 4);
}

#[test]
fn a_set_that_is_not_there_is_named() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let firewall = firewall();
    let set = Set::new("bans", [Kind::Ipv4]).with_timeouts();
    let element = Element::new([Value::Ipv4([192, 0, 2, 1].into())]);
    let refused = firewall.add(&set, &[element]).expect_err("no table");
    assert!(
        refused.to_string().starts_with("element 1 of set bans: "),
        "{refused}"
    );
    assert!(refused.to_string().ends_with("load the ruleset first)"));
    let refused = firewall.elements(&set).expect_err("no table").to_string();
    assert!(refused.starts_with("set bans: No such file"), "{refused}");
    let small = Set {
        size: Some(2),
        ..set
    };
    firewall
        .load(&guarded(vec![small.clone()], Vec::new()))
        .expect("taken");
    let many = (1..=9).map(|last| Element::new([Value::Ipv4([192, 0, 2, last].into())]));
    let many: Vec<_> = many.collect();
    let refused = firewall.add(&small, &many).expect_err("full").to_string();
    assert!(refused.ends_with("(the set is full)"), "{refused}");
    assert_eq!(firewall.elements(&small).expect("read"), [], "none of them");
}

/// As of a kernel without `nft_limit`: what no kernel has is refused in the same way.
#[test]
fn an_expression_that_the_kernel_lacks_is_named_with_its_rule() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    firewall()
        .load(&guarded(Vec::new(), Vec::new()))
        .expect("taken");
    let mut rule = Attributes::default();
    rule.text(NFTA_RULE_TABLE, TABLE);
    rule.text(NFTA_RULE_CHAIN, "input");
    let at = rule.len() + 4;
    let mut counter = Attributes::default();
    counter.nest(NFTA_LIST_ELEM, |it| it.text(NFTA_EXPR_NAME, "counter"));
    let second = at + counter.len();
    rule.nest(NFTA_RULE_EXPRESSIONS, |it| {
        it.append(&counter);
        it.nest(NFTA_LIST_ELEM, |it| it.text(NFTA_EXPR_NAME, "lacking"));
    });
    let mut batch = Batch::begin();
    let subject = Subject::Rule {
        chain: "input".to_owned(),
        number: 3,
    };
    let flags = NLM_F_CREATE | NLM_F_APPEND;
    batch.add(NFT_MSG_NEWRULE, flags, &rule, subject);
    batch.name_expressions(vec![(at, "counter"), (second, "limit")]);
    let refused = Netfilter::open().expect("open").commit(&batch.end());
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "rule 3 of chain input (limit): No such file or directory (os error 2) (is nft_limit \
         built into this kernel or loaded? CONFIG_NFT_LIMIT)"
    );
}

#[test]
fn without_the_right_to_it_that_is_said() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    // Of this thread alone.
    let mut rights = capabilities(None).expect("read");
    rights.effective.remove(CapabilitySet::NET_ADMIN);
    rights.permitted.remove(CapabilitySet::NET_ADMIN);
    set_capabilities(None, rights).expect("given up");
    let refused = Firewall::open(TABLE).and_then(|it| it.load(&guarded(vec![], vec![])));
    let refused = refused.expect_err("refused");
    assert!(
        refused.to_string().contains("needs CAP_NET_ADMIN"),
        "{refused}"
    );
}

#[test]
fn what_is_no_ruleset_is_not_sent() {
    if !is_root() {
        return;
    }
    let _world = World::plug_in();
    let unknown = Rule::new([Statement::from_set(Family::Ipv4, "lan")]);
    let refused = firewall().load(&guarded(Vec::new(), vec![unknown]));
    let Err(FirewallError::Ruleset(refused)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        refused.to_string(),
        "rule 4 of chain input: there is no set lan: add it to the ruleset, or correct the name"
    );
}
