//! The box's own judge of what its machine would start says the same as firmware with Secure Boot
//! does in `secure_boot.rs`, part by part.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use boot::{BoxDisk, Failure, Parts, disk::loader, enrolled, parts};
use firmware::{Medium, SignedPrograms, StartedBy, StateFile};
use image::authenticode::SecureBootKey;
use image::esp::EspFile;
use image::slot_image;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use secure_boot::{Fault, PublicKey, judge};
use slot::{BootState, Guid, Slot, partition};

type Result<T = ()> = std::result::Result<T, Failure>;

fn verify(key: PublicKey<'_>, message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0);
    key.verify(message, signature).is_ok()
}

/// A UKI whose kernel and self these keys have signed; `None` signs nothing.
fn uki(parts: &Parts, [kernel, whole]: [Option<&SecureBootKey>; 2]) -> Result<Vec<u8>> {
    let sign = |key: Option<&SecureBootKey>, program: &[u8]| match key {
        Some(key) => key.sign(program).map_err(Failure::from),
        None => Ok(program.to_vec()),
    };
    let kernel = sign(kernel, &parts.payload)?;
    sign(whole, &parts.uki_of(&kernel, "1.0", "off")?)
}

/// A partition of a disk, to be looked at.
#[derive(Debug)]
struct Part {
    disk: File,
    start: u64,
}

impl Medium for Part {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.disk.read_exact_at(bytes, self.start + at)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<()> {
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk with a rescue system whose UKI this is.
fn disk(name: &str, loader_bytes: &[u8], rescue: Vec<u8>, slot_a: &[u8]) -> Result<BoxDisk> {
    let parts = parts()?;
    let content = parts.content("1.0", rescue)?;
    let header = slot_image::header_alone(&content, &parts.keys)?;
    let file = |path: &str, bytes| EspFile {
        path: path.to_owned(),
        bytes,
    };
    let esp = [
        loader(loader_bytes)?,
        file("EFI/ramal/rescue.efi", content.uki),
        file("EFI/ramal/rescue.hdr", header),
    ];
    BoxDisk::with_esp(name, 512, &esp, slot_a)
}

/// What the judge says of a disk from whose slot A the box runs.
fn refused(disk: &BoxDisk, certificate: &[u8]) -> Result<Option<(StartedBy, Fault)>> {
    let part = |kind: Guid| -> Result<Part> {
        Ok(Part {
            disk: File::open(&disk.path)?,
            start: disk.start(kind)?,
        })
    };
    let programs = SignedPrograms {
        running: Slot::A,
        esp: part(partition::ESP)?,
        slot: part(partition::SLOT_A)?,
        other: part(partition::SLOT_B)?,
        state: StateFile::of(part(partition::BOOTSTATE)?, "state"),
    };
    let refused = programs.refused(certificate, verify);
    refused.map_err(|error| Failure::Other(error.to_string()))
}

#[test]
fn a_program_is_judged_as_firmware_judges_it() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let own = keys.db.certificate();
    let signed = keys.db.sign(&parts.loader)?;
    assert_eq!(judge(&signed, own, verify), Ok(()));
    assert_eq!(judge(&parts.loader, own, verify), Err(Fault::NotSigned));
    let strange = keys.stranger.sign(&parts.loader)?;
    assert_eq!(judge(&strange, own, verify), Err(Fault::OtherKey));
    assert_eq!(judge(b"#!/bin/sh", own, verify), Err(Fault::NoProgram));
    // Any byte that counts: of the headers, the content, and the signature itself.
    let signature = signed.len() - 40;
    for at in [0x46, parts.loader.len() / 2, signature] {
        let mut changed = signed.clone();
        changed.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
        let judged = judge(&changed, own, verify);
        assert!(judged.is_err(), "byte {at} of {}", signed.len());
    }
    // Our certificate beside somebody else's signature.
    let place = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|it| it == part);
    let other = keys.stranger.certificate();
    let at = place(&strange, other).ok_or_else(|| Failure::Other("no certificate".into()))?;
    if own.len() == other.len() {
        let mut forged = strange;
        let room = forged.get_mut(at..at + own.len());
        room.into_iter().for_each(|it| it.copy_from_slice(own));
        assert_eq!(judge(&forged, own, verify), Err(Fault::Broken));
    }
    Ok(())
}

#[test]
fn everything_the_box_starts_by_is_judged_and_what_is_not_signed_is_named() -> Result {
    let (parts, keys) = (parts()?, enrolled()?);
    let (ours, strange) = (Some(&keys.db), Some(&keys.stranger));
    let own = keys.db.certificate();
    let slot = |signers| -> Result<Vec<u8>> {
        let content = parts.content("1.0", uki(parts, signers)?)?;
        Ok(slot_image::make(&content, &parts.keys)?)
    };
    let good = [ours, ours];
    let signed = keys.db.sign(&parts.loader)?;
    let all = disk("judged", &signed, uki(parts, good)?, &slot(good)?)?;
    assert_eq!(refused(&all, own)?, None, "an empty slot is no fault");
    let unsigned = disk(
        "judged-loader",
        &parts.loader,
        uki(parts, good)?,
        &slot(good)?,
    )?;
    let wanted = (StartedBy::Loader, Fault::NotSigned);
    assert_eq!(refused(&unsigned, own)?, Some(wanted));
    let rescue = uki(parts, [ours, strange])?;
    let rescue = disk("judged-rescue", &signed, rescue, &slot(good)?)?;
    let wanted = (StartedBy::Rescue, Fault::OtherKey);
    assert_eq!(refused(&rescue, own)?, Some(wanted));

    let mut state = BootState::shipped();
    state.finish_install(Slot::B);
    all.put_state(state)?;
    for (of_b, wanted) in [
        (good, None),
        ([strange, strange], Some(Fault::OtherKey)),
        ([None, None], Some(Fault::NotSigned)),
        // The UKI is ours, and the kernel in it is nobody's.
        ([None, ours], Some(Fault::NotSigned)),
    ] {
        all.put_slot(Slot::B, &slot(of_b)?)?;
        let wanted = wanted.map(|fault| (StartedBy::Slot(Slot::B), fault));
        assert_eq!(refused(&all, own)?, wanted);
    }
    all.put_slot(Slot::A, &slot([None, None])?)?;
    let wanted = (StartedBy::Slot(Slot::A), Fault::NotSigned);
    assert_eq!(refused(&all, own)?, Some(wanted));
    Ok(())
}
