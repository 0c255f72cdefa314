//! What a request of the API takes and what it is answered with.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the description of a type.
pub(super) type Make = fn(&mut SchemaGenerator) -> Schema;

/// What a request takes and what it is answered with.
pub(super) struct Contract {
    /// What it does, in a line.
    pub(super) summary: &'static str,
    pub(super) query: &'static [Query],
    pub(super) body: Body,
    /// Of the answer when it is done.
    pub(super) status: u16,
    pub(super) answer: Answer,
    /// It changes the configuration: `If-Match` and a reason may be said.
    pub(super) changes: bool,
}

/// A field of the query.
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    /// `string`, `integer`.
    pub(super) kind: &'static str,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    Json(Make),
    /// Fields of it: what is not named stays.
    Changes(Make),
    Bytes,
}

/// What comes back.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Nothing,
    Json(Make),
    /// A file of this media type.
    File(&'static str),
}

/// Begins one: what it does.
pub(super) const fn does(summary: &'static str) -> Contract {
    Contract {
        summary,
        query: &[],
        body: Body::None,
        status: 204,
        answer: Answer::Nothing,
        changes: false,
    }
}

impl Contract {
    pub(super) const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        let body = Body::Json(|it| it.subschema_for::<T>());
        Self { body, ..self }
    }

    pub(super) fn takes_changes_of<T: JsonSchema>(self) -> Self {
        let body = Body::Changes(|it| it.subschema_for::<T>());
        Self { body, ..self }
    }

    pub(super) fn takes_bytes(self) -> Self {
        let body = Body::Bytes;
        Self { body, ..self }
    }

    pub(super) fn gives<T: JsonSchema>(self) -> Self {
        let answer = Answer::Json(|it| it.subschema_for::<T>());
        Self {
            status: 200,
            answer,
            ..self
        }
    }

    pub(super) fn makes<T: JsonSchema>(self) -> Self {
        Self {
            status: 201,
            ..self.gives::<T>()
        }
    }

    /// It goes on when this is answered.
    pub(super) fn begins<T: JsonSchema>(self) -> Self {
        Self {
            status: 202,
            ..self.gives::<T>()
        }
    }

    pub(super) fn gives_file(self, kind: &'static str) -> Self {
        Self {
            status: 200,
            answer: Answer::File(kind),
            ..self
        }
    }

    /// It changes the configuration.
    pub(super) const fn changes(self) -> Self {
        Self {
            changes: true,
            ..self
        }
    }
}
