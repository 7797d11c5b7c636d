//! Sets of labels for new repositories.

use crate::model::label::{LabelColor, NewLabel};

/// A label of a set: name, color, description.
type Row = (&'static str, &'static str, &'static str);

/// Names and labels of each set, by name. A label with a slash excludes the others with the same beginning.
const SETS: &[(&str, &[Row])] = &[
    (
        "Advanced",
        &[
            ("Kind/Bug", "ee0701", "Something is not working"),
            ("Kind/Feature", "0288d1", "New functionality"),
            ("Kind/Enhancement", "84b6eb", "Improve existing functionality"),
            ("Kind/Documentation", "37474f", "Documentation changes"),
            ("Kind/Security", "9c27b0", "This is a security issue"),
            ("Priority/Critical", "b71c1c", "The priority is critical"),
            ("Priority/High", "d32f2f", "The priority is high"),
            ("Priority/Medium", "e64a19", "The priority is medium"),
            ("Priority/Low", "4caf50", "The priority is low"),
            ("Reviewed/Confirmed", "795548", "The issue has been confirmed"),
            ("Reviewed/Duplicate", "616161", "This issue or pull request already exists"),
            ("Reviewed/Invalid", "546e7a", "Invalid issue"),
            ("Reviewed/Won't Fix", "eeeeee", "This issue won't be fixed"),
            ("Status/Blocked", "880e4f", "Something is blocking this issue or pull request"),
            ("Status/Need More Info", "424242", "Feedback is required to go on"),
        ],
    ),
    (
        "Default",
        &[
            ("bug", "ee0701", "Something is not working"),
            ("duplicate", "cccccc", "This issue or pull request already exists"),
            ("enhancement", "84b6eb", "New feature"),
            ("help wanted", "128a0c", "Need some help"),
            ("invalid", "e6e6e6", "Something is wrong"),
            ("question", "cc317c", "More information is needed"),
            ("wontfix", "ffffff", "This will not be worked on"),
        ],
    ),
    (
        "Quality",
        &[
            ("type/CAPA", "5319e7", "Corrective and preventive action"),
            ("type/Change", "0288d1", "Change of a controlled document, process or product"),
            ("type/Complaint", "d93f0b", "Complaint or feedback from outside"),
            ("type/Deviation", "e99695", "Departure from an approved procedure"),
            ("type/Nonconformity", "b60205", "Product or process that does not meet its requirements"),
            ("type/Audit finding", "fbca04", "Found by an internal or external audit"),
            ("severity/Critical", "b71c1c", "Harm is likely, or data cannot be trusted"),
            ("severity/Major", "e64a19", "Requirements are not met"),
            ("severity/Minor", "4caf50", "Isolated, without effect on product or data"),
            ("status/Effectiveness check", "006b75", "Done, and its effect is being looked at"),
        ],
    ),
];

/// The names, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|(name, _)| *name)
}

/// The labels of a set.
pub fn find(name: &str) -> Option<Vec<NewLabel>> {
    let (_, rows) = SETS.iter().find(|(found, _)| *found == name)?;
    let read = |(name, color, description): &Row| {
        Some(NewLabel {
            name: (*name).to_owned(),
            color: LabelColor::parse(color)?,
            description: (*description).to_owned(),
            is_exclusive: name.contains('/'),
            is_archived: false,
        })
    };
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_can_be_read() {
        let all: Vec<&str> = names().collect();
        assert_eq!(all, ["Advanced", "Default", "Quality"]);
        for name in all {
            let labels = find(name).unwrap();
            assert!(labels.len() >= 7, "{name}");
        }
        assert_eq!(find("Nonsense"), None);
    }
}
