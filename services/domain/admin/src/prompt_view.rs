//! Prompts as the page and the API show them.

use std::collections::BTreeMap;

use ipc::site::{Destination, Site};
use ipc::sound::{RecordingFile, take_of};
use ipc::store::PromptSound;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;
use crate::fault::Item;

/// A prompt, and what there is of its sound.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PromptView {
    pub(crate) name: String,
    /// What it says.
    pub(crate) says: String,
    /// It is in the configuration; a sound may be left of one that is no more.
    pub(crate) listed: bool,
    pub(crate) sound: Option<SoundView>,
    /// What plays it, as `route "night"`; `music`: whoever waits hears it.
    pub(crate) played_by: Vec<String>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) players: Vec<(Item, String)>,
    /// Parked calls that nobody takes hear it.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) at_parking: bool,
    /// Whoever waits hears it.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) is_music: bool,
}

/// The sound of a prompt.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SoundView {
    /// How long it lasts, milliseconds.
    pub(crate) millis: u64,
    pub(crate) bytes: u64,
    /// When it was sent.
    pub(crate) sent: String,
}

/// What somebody said into a phone to become a prompt.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TakeView {
    /// Its file.
    pub(crate) name: String,
    /// Whose phone it was.
    pub(crate) extension: String,
    /// When it was begun.
    pub(crate) taken: String,
    pub(crate) bytes: u64,
    /// Somebody speaks still.
    pub(crate) open: bool,
}

impl TakeView {
    /// `None` for a recording of a call.
    pub(crate) fn new(file: &RecordingFile) -> Option<Self> {
        let (extension, millis) = take_of(&file.name)?;
        Some(Self {
            name: file.name.clone(),
            extension: extension.to_owned(),
            taken: rfc3339(millis),
            bytes: file.bytes,
            open: file.is_open,
        })
    }
}

/// Every prompt by name: those of the site, and sounds of others.
pub(crate) fn prompts(site: &Site, sounds: Vec<PromptSound>) -> Vec<PromptView> {
    let sounds = sounds.into_iter().map(|it| {
        let sound = SoundView {
            millis: it.millis,
            bytes: it.bytes,
            sent: rfc3339(it.modified_millis),
        };
        (it.name, sound)
    });
    let mut sounds: BTreeMap<String, SoundView> = sounds.collect();
    let mut all: Vec<PromptView> = Vec::new();
    for prompt in &site.prompts {
        let sound = sounds.remove(&prompt.name);
        let listed = PromptView {
            says: prompt.says.clone(),
            listed: true,
            ..view(site, prompt.name.clone(), sound)
        };
        all.push(listed);
    }
    let others = sounds.into_iter();
    all.extend(others.map(|(name, sound)| view(site, name, Some(sound))));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn view(site: &Site, name: String, sound: Option<SoundView>) -> PromptView {
    let plays = |it: &Destination| *it == Destination::Announcement(name.clone());
    let routes = site.routes.iter();
    let routes = routes.filter(|it| it.destinations.iter().any(plays));
    let routes = routes.map(|it| (Item::Route, it.name.clone()));
    let groups = site.groups.iter();
    let groups = groups.filter(|it| it.otherwise.iter().any(plays));
    let groups = groups.map(|it| (Item::Group, it.number.clone()));
    let players: Vec<_> = routes.chain(groups).collect();
    let at_parking = site.parking.otherwise.iter().any(plays);
    let named = players.iter().map(|(item, key)| match item {
        Item::Group => format!("group {key}"),
        item => format!("{} {key:?}", item.english()),
    });
    let parking = at_parking.then(|| "parking".to_owned());
    let is_music = site.dialling.music == name;
    let music = is_music.then(|| "music".to_owned());
    PromptView {
        says: String::new(),
        listed: false,
        sound,
        played_by: named.chain(parking).chain(music).collect(),
        players,
        at_parking,
        is_music,
        name,
    }
}
