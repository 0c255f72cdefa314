//! Backups that somebody brings to be restored.

use backup::{BackupKey, Code, Event, Reader, Refusal};

/// The code of the archive in the corpus.
const CODE: [u8; 30] = [1; 30];
/// The rows that are in it.
const ROWS: usize = 2;

/// An archive that was changed gives what it gave before the change, and then a refusal, however
/// its bytes come: nobody without the code makes a row of his own.
pub fn backup_archive(bytes: &[u8]) {
    let whole = read(bytes, bytes.len());
    assert_eq!(whole, read(bytes, 7), "by pieces");
    let (rows, outcome) = whole;
    assert!(rows <= ROWS, "{rows} rows");
    assert!(outcome.is_err() || rows == ROWS, "taken with {rows} rows");
}

/// How many rows were given, and how it ended.
fn read(bytes: &[u8], piece: usize) -> (usize, Result<(), Refusal>) {
    let mut reader = Reader::new(1);
    let mut rows = 0;
    let key = BackupKey::of(&Code::from_random(&CODE));
    for piece in bytes.chunks(piece.max(1)).map(Some).chain([None]) {
        match piece {
            Some(piece) => reader.push(piece),
            None => reader.end(),
        }
        loop {
            let outcome = match reader.poll() {
                Ok(None) => break,
                Ok(Some(Event::Header(_))) => reader.open(&key),
                Ok(Some(Event::Row { .. })) => {
                    rows += 1;
                    Ok(())
                }
                Ok(Some(Event::End(_))) => Ok(()),
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = outcome {
                return (rows, Err(refusal));
            }
        }
    }
    match reader.is_over() {
        true => (rows, Ok(())),
        false => panic!("it was neither taken nor refused"),
    }
}
