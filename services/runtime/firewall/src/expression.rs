//! Statements as the kernel's expressions, which read from registers and write into them.
//!
//! Every statement begins with the first register anew: nothing of one is needed by the next.

use std::time::Duration;

use crate::attribute::Attributes;
use crate::field::{Field, Key};
use crate::kind::{Family, Value};
use crate::statement::{Limit, Mark, MarkSource, Reject, Statement, Test, Verdict};
use crate::uapi::{
    ARPHRD_ETHER, NF_ACCEPT, NF_DROP, NFT_CMP_EQ, NFT_CMP_GTE, NFT_CMP_LTE, NFT_CMP_NEQ,
    NFT_CT_MARK, NFT_CT_STATE, NFT_DYNSET_OP_ADD, NFT_DYNSET_OP_UPDATE, NFT_GOTO, NFT_JUMP,
    NFT_LIMIT_F_INV, NFT_LIMIT_PKTS, NFT_LOOKUP_F_INV, NFT_META_IIFNAME, NFT_META_IIFTYPE,
    NFT_META_L4PROTO, NFT_META_MARK, NFT_META_NFPROTO, NFT_META_OIFNAME, NFT_META_SKUID,
    NFT_OBJECT_COUNTER, NFT_PAYLOAD_LL_HEADER, NFT_PAYLOAD_NETWORK_HEADER,
    NFT_PAYLOAD_TRANSPORT_HEADER, NFT_REG_VERDICT, NFT_REG32_00, NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
    NFT_REJECT_ICMPX_PORT_UNREACH, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_TCP_RST, NFT_RETURN,
    NFTA_BITWISE_DREG, NFTA_BITWISE_LEN, NFTA_BITWISE_MASK, NFTA_BITWISE_SREG, NFTA_BITWISE_XOR,
    NFTA_CMP_DATA, NFTA_CMP_OP, NFTA_CMP_SREG, NFTA_CT_DREG, NFTA_CT_KEY, NFTA_CT_SREG,
    NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_DYNSET_EXPR, NFTA_DYNSET_OP, NFTA_DYNSET_SET_ID,
    NFTA_DYNSET_SET_NAME, NFTA_DYNSET_SREG_KEY, NFTA_DYNSET_TIMEOUT, NFTA_EXPR_DATA,
    NFTA_EXPR_NAME, NFTA_IMMEDIATE_DATA, NFTA_IMMEDIATE_DREG, NFTA_LIMIT_BURST, NFTA_LIMIT_FLAGS,
    NFTA_LIMIT_RATE, NFTA_LIMIT_TYPE, NFTA_LIMIT_UNIT, NFTA_LIST_ELEM, NFTA_LOG_GROUP,
    NFTA_LOG_PREFIX, NFTA_LOG_SNAPLEN, NFTA_LOOKUP_FLAGS, NFTA_LOOKUP_SET, NFTA_LOOKUP_SET_ID,
    NFTA_LOOKUP_SREG, NFTA_META_DREG, NFTA_META_KEY, NFTA_META_SREG, NFTA_OBJREF_IMM_NAME,
    NFTA_OBJREF_IMM_TYPE, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_LEN,
    NFTA_PAYLOAD_OFFSET, NFTA_REJECT_ICMP_CODE, NFTA_REJECT_TYPE, NFTA_VERDICT_CHAIN,
    NFTA_VERDICT_CODE,
};

/// The expressions of one rule.
#[derive(Default, Debug)]
pub(crate) struct Expressions {
    /// Written one after the other, each an NFTA_LIST_ELEM.
    pub(crate) attributes: Attributes,
    /// Where each begins, and its name.
    pub(crate) places: Vec<(usize, &'static str)>,
    family: Option<Family>,
    protocol: Option<u8>,
    is_ethernet: bool,
}

impl Expressions {
    /// Those of a rule; `set_id` gives the number of a set in this transaction by its name.
    pub(crate) fn of(statements: &[Statement], set_id: impl Fn(&str) -> u32) -> Self {
        let mut all = Self::default();
        for statement in statements {
            all.statement(statement, &set_id);
        }
        all
    }

    fn expression(&mut self, name: &'static str, data: impl FnOnce(&mut Attributes)) {
        self.places.push((self.attributes.len(), name));
        self.attributes.nest(NFTA_LIST_ELEM, |it| {
            it.text(NFTA_EXPR_NAME, name);
            it.nest(NFTA_EXPR_DATA, data);
        });
    }

    fn statement(&mut self, statement: &Statement, set_id: &impl Fn(&str) -> u32) {
        self.needs(statement);
        match statement {
            Statement::Match(field, test) => {
                self.fields(std::slice::from_ref(field));
                self.test(test);
                self.learn(field, test);
            }
            Statement::In {
                fields,
                set,
                negated,
            } => {
                self.fields(fields);
                let id = set_id(set);
                self.expression("lookup", |it| {
                    it.text(NFTA_LOOKUP_SET, set);
                    it.u32(NFTA_LOOKUP_SREG, NFT_REG32_00);
                    it.u32(NFTA_LOOKUP_SET_ID, id);
                    if *negated {
                        it.u32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
                    }
                });
            }
            Statement::Update {
                fields,
                set,
                timeout,
                renew,
                limit,
            } => {
                self.fields(fields);
                let operation = match renew {
                    true => NFT_DYNSET_OP_UPDATE,
                    false => NFT_DYNSET_OP_ADD,
                };
                self.update(operation, (set, set_id(set)), *timeout, limit.as_ref());
            }
            Statement::Limit(limit) => self.expression("limit", |it| limit_data(it, limit)),
            Statement::Counter => self.expression("counter", |_| ()),
            Statement::Count(name) => self.expression("objref", |it| {
                it.u32(NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
                it.text(NFTA_OBJREF_IMM_NAME, name);
            }),
            Statement::SetMark(mark, source) => self.set_mark(*mark, *source),
            Statement::Notrack => self.expression("notrack", |_| ()),
            Statement::Log {
                group,
                prefix,
                bytes,
            } => self.expression("log", |it| {
                it.u16(NFTA_LOG_GROUP, *group);
                it.text(NFTA_LOG_PREFIX, prefix);
                it.u32(NFTA_LOG_SNAPLEN, *bytes);
            }),
            Statement::Reject(reject) => self.reject(*reject),
            Statement::Verdict(verdict) => self.expression("immediate", |it| {
                it.u32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
                it.nest(NFTA_IMMEDIATE_DATA, |it| verdict_data(it, verdict));
            }),
        }
    }

    fn update(
        &mut self,
        operation: u32,
        (set, id): (&str, u32),
        timeout: Option<Duration>,
        limit: Option<&Limit>,
    ) {
        self.expression("dynset", |it| {
            it.text(NFTA_DYNSET_SET_NAME, set);
            it.u32(NFTA_DYNSET_SET_ID, id);
            it.u32(NFTA_DYNSET_OP, operation);
            it.u32(NFTA_DYNSET_SREG_KEY, NFT_REG32_00);
            if let Some(timeout) = timeout {
                it.u64(NFTA_DYNSET_TIMEOUT, milliseconds(timeout));
            }
            if let Some(limit) = limit {
                it.nest(NFTA_DYNSET_EXPR, |it| {
                    it.text(NFTA_EXPR_NAME, "limit");
                    it.nest(NFTA_EXPR_DATA, |it| limit_data(it, limit));
                });
            }
        });
    }

    /// Asks for what must be so for the fields to be there, where the rule did not yet.
    fn needs(&mut self, statement: &Statement) {
        let keys = || statement.fields().iter().map(|field| field.key);
        let protocols = keys().filter_map(Key::protocol);
        let protocols: Vec<u8> = protocols.chain(statement.needed_protocol()).collect();
        for family in keys().filter_map(Key::family) {
            if self.family != Some(family) && !asks(statement, Key::Family) {
                self.must_be(Key::Family, &Value::Family(family));
                self.family = Some(family);
            }
        }
        for protocol in protocols {
            if self.protocol != Some(protocol) {
                self.must_be(Key::Protocol, &Value::Protocol(protocol));
                self.protocol = Some(protocol);
            }
        }
        if asks(statement, Key::EtherSource) && !self.is_ethernet {
            self.expression("meta", |it| {
                it.u32(NFTA_META_DREG, NFT_REG32_00);
                it.u32(NFTA_META_KEY, NFT_META_IIFTYPE);
            });
            self.compare(NFT_CMP_EQ, &ARPHRD_ETHER.to_ne_bytes());
            self.is_ethernet = true;
        }
    }

    fn must_be(&mut self, key: Key, value: &Value) {
        self.load(key, NFT_REG32_00);
        self.compare(NFT_CMP_EQ, &value.to_bytes());
    }

    /// What a match makes certain for the rest of the rule.
    fn learn(&mut self, field: &Field, test: &Test) {
        match (field, test) {
            (Field { mask: None, .. }, Test::Is(Value::Family(family))) => {
                self.family = Some(*family);
            }
            (Field { mask: None, .. }, Test::Is(Value::Protocol(protocol))) => {
                self.protocol = Some(*protocol);
            }
            _ => {}
        }
    }

    /// Loads fields one behind the other, each into whole registers.
    fn fields(&mut self, fields: &[Field]) {
        let mut register = NFT_REG32_00;
        for field in fields {
            self.load(field.key, register);
            if let Some(mask) = &field.mask {
                let mask = mask.to_bytes();
                let none = vec![0; mask.len()];
                self.bitwise(register, &mask, &none);
            }
            let registers = field.key.kind().padded() / 4;
            register = register.saturating_add(u32::try_from(registers).unwrap_or(u32::MAX));
        }
    }

    fn load(&mut self, key: Key, register: u32) {
        let source = source(key);
        match source {
            Source::Meta(key) => self.expression("meta", |it| {
                it.u32(NFTA_META_DREG, register);
                it.u32(NFTA_META_KEY, key);
            }),
            Source::Ct(key) => self.expression("ct", |it| {
                it.u32(NFTA_CT_DREG, register);
                it.u32(NFTA_CT_KEY, key);
            }),
            Source::Payload(base, offset) => self.expression("payload", |it| {
                it.u32(NFTA_PAYLOAD_DREG, register);
                it.u32(NFTA_PAYLOAD_BASE, base);
                it.u32(NFTA_PAYLOAD_OFFSET, offset);
                let width = u32::try_from(key.kind().width()).unwrap_or(u32::MAX);
                it.u32(NFTA_PAYLOAD_LEN, width);
            }),
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Is(value) => self.compare(NFT_CMP_EQ, &value.to_bytes()),
            Test::IsNot(value) => self.compare(NFT_CMP_NEQ, &value.to_bytes()),
            Test::Between(first, last) => {
                self.compare(NFT_CMP_GTE, &first.to_bytes());
                self.compare(NFT_CMP_LTE, &last.to_bytes());
            }
        }
    }

    fn compare(&mut self, operation: u32, value: &[u8]) {
        self.expression("cmp", |it| {
            it.u32(NFTA_CMP_SREG, NFT_REG32_00);
            it.u32(NFTA_CMP_OP, operation);
            it.nest(NFTA_CMP_DATA, |it| it.bytes(NFTA_DATA_VALUE, value));
        });
    }

    fn bitwise(&mut self, register: u32, mask: &[u8], xor: &[u8]) {
        self.expression("bitwise", |it| {
            it.u32(NFTA_BITWISE_SREG, register);
            it.u32(NFTA_BITWISE_DREG, register);
            it.u32(
                NFTA_BITWISE_LEN,
                u32::try_from(mask.len()).unwrap_or(u32::MAX),
            );
            it.nest(NFTA_BITWISE_MASK, |it| it.bytes(NFTA_DATA_VALUE, mask));
            it.nest(NFTA_BITWISE_XOR, |it| it.bytes(NFTA_DATA_VALUE, xor));
        });
    }

    fn set_mark(&mut self, mark: Mark, source: MarkSource) {
        match source {
            MarkSource::Value(value) => self.expression("immediate", |it| {
                it.u32(NFTA_IMMEDIATE_DREG, NFT_REG32_00);
                let value = value.to_ne_bytes();
                it.nest(NFTA_IMMEDIATE_DATA, |it| it.bytes(NFTA_DATA_VALUE, &value));
            }),
            MarkSource::Of { mark, keep, set } => {
                let key = match mark {
                    Mark::Packet => Key::Mark,
                    Mark::Connection => Key::ConnectionMark,
                };
                self.load(key, NFT_REG32_00);
                if (keep, set) != (u32::MAX, 0) {
                    // Bits that are set are not kept, so that the exclusive or sets them.
                    let keep = (keep & !set).to_ne_bytes();
                    self.bitwise(NFT_REG32_00, &keep, &set.to_ne_bytes());
                }
            }
        }
        match mark {
            Mark::Packet => self.expression("meta", |it| {
                it.u32(NFTA_META_KEY, NFT_META_MARK);
                it.u32(NFTA_META_SREG, NFT_REG32_00);
            }),
            Mark::Connection => self.expression("ct", |it| {
                it.u32(NFTA_CT_KEY, NFT_CT_MARK);
                it.u32(NFTA_CT_SREG, NFT_REG32_00);
            }),
        }
    }

    fn reject(&mut self, reject: Reject) {
        let code = match reject {
            Reject::PortUnreachable => Some(NFT_REJECT_ICMPX_PORT_UNREACH),
            Reject::Prohibited => Some(NFT_REJECT_ICMPX_ADMIN_PROHIBITED),
            Reject::TcpReset => None,
        };
        self.expression("reject", |it| match code {
            Some(code) => {
                it.u32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
                it.bytes(NFTA_REJECT_ICMP_CODE, &[code]);
            }
            None => it.u32(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST),
        });
    }
}

fn asks(statement: &Statement, key: Key) -> bool {
    statement.fields().iter().any(|field| field.key == key)
}

/// Where the kernel finds something of a packet.
enum Source {
    /// What it knows about the packet.
    Meta(u32),
    /// What it knows about the connection.
    Ct(u32),
    /// In the packet: which header, and how far into it.
    Payload(u32, u32),
}

const fn source(key: Key) -> Source {
    match key {
        Key::InputInterface => Source::Meta(NFT_META_IIFNAME),
        Key::OutputInterface => Source::Meta(NFT_META_OIFNAME),
        Key::Family => Source::Meta(NFT_META_NFPROTO),
        Key::Protocol => Source::Meta(NFT_META_L4PROTO),
        Key::Mark => Source::Meta(NFT_META_MARK),
        Key::User => Source::Meta(NFT_META_SKUID),
        Key::State => Source::Ct(NFT_CT_STATE),
        Key::ConnectionMark => Source::Ct(NFT_CT_MARK),
        // RFC 791 §3.1, RFC 8200 §3.
        Key::Source(Family::Ipv4) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 12),
        Key::Source(Family::Ipv6) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 8),
        Key::Destination(Family::Ipv4) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 16),
        Key::Destination(Family::Ipv6) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 24),
        Key::Hops(Family::Ipv4) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 8),
        Key::Hops(Family::Ipv6) => Source::Payload(NFT_PAYLOAD_NETWORK_HEADER, 7),
        Key::SourcePort(_) | Key::IcmpType | Key::Icmp6Type => {
            Source::Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0)
        }
        Key::DestinationPort(_) => Source::Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2),
        Key::EtherSource => Source::Payload(NFT_PAYLOAD_LL_HEADER, 6),
    }
}

fn limit_data(it: &mut Attributes, limit: &Limit) {
    it.u64(NFTA_LIMIT_RATE, limit.rate);
    it.u64(NFTA_LIMIT_UNIT, limit.per.seconds());
    it.u32(NFTA_LIMIT_BURST, limit.burst);
    it.u32(NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
    it.u32(
        NFTA_LIMIT_FLAGS,
        if limit.over { NFT_LIMIT_F_INV } else { 0 },
    );
}

fn verdict_data(it: &mut Attributes, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (NF_ACCEPT, None),
        Verdict::Drop => (NF_DROP, None),
        Verdict::Jump(chain) => (NFT_JUMP, Some(chain)),
        Verdict::Goto(chain) => (NFT_GOTO, Some(chain)),
        Verdict::Return => (NFT_RETURN, None),
    };
    it.nest(NFTA_DATA_VERDICT, |it| {
        it.i32(NFTA_VERDICT_CODE, code);
        if let Some(chain) = chain {
            it.text(NFTA_VERDICT_CHAIN, chain);
        }
    });
}

/// As the kernel counts timeouts; what is too long for it is the longest.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
