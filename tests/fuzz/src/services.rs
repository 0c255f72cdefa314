//! What crosses between our own processes, and what people configure.

use std::fmt::Debug;

use ipc::frame::{Decoder, encode};
use ipc::{init, net, pbx, sound, store, update};

/// Frames: no matter how they are cut, the same messages come out, and written they read the same.
pub fn ipc_frames(bytes: &[u8]) {
    let (kind, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    match kind % 12 {
        0 => frames::<sound::Request>(bytes),
        1 => frames::<sound::Reply>(bytes),
        2 => frames::<store::Request>(bytes),
        3 => frames::<store::Reply>(bytes),
        4 => frames::<pbx::Request>(bytes),
        5 => frames::<pbx::Reply>(bytes),
        6 => frames::<net::Request>(bytes),
        7 => frames::<net::Reply>(bytes),
        8 => frames::<init::Request>(bytes),
        9 => frames::<init::Reply>(bytes),
        10 => frames::<update::Request>(bytes),
        _ => frames::<update::Reply>(bytes),
    }
}

fn frames<T>(bytes: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let whole = decoded::<T>(&[bytes]);
    let cut: Vec<&[u8]> = bytes.chunks(3).collect();
    let cut = decoded::<T>(&cut);
    assert_eq!(cut.0.len(), whole.0.len(), "cut every 3 bytes");
    assert_eq!(cut.1, whole.1, "cut every 3 bytes");
    for message in &whole.0 {
        let Ok(frame) = encode(message) else {
            panic!("what was read cannot be written");
        };
        let again = decoded::<T>(&[&frame]);
        assert_eq!(again.0.as_slice(), std::slice::from_ref(message));
    }
}

/// The messages, and whether the bytes then went wrong.
fn decoded<T: serde::de::DeserializeOwned>(chunks: &[&[u8]]) -> (Vec<T>, bool) {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.pop() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

/// A site as JSON: refused with faults that can be shown, or taken; taken twice it is the same.
pub fn site(bytes: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<ipc::site::Site>(bytes) else {
        return;
    };
    match config::Site::parse(&raw) {
        Ok(site) => {
            let same = config::diff(&site, &site);
            assert_eq!(same, Vec::<String>::new(), "a site differs from itself");
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a reason");
            for fault in faults {
                assert!(!fault.to_string().is_empty());
            }
        }
    }
}
