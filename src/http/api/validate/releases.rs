//! Checks of what makes and changes releases and their files.

use super::super::json::{CreateReleaseOption, EditAttachmentOptions, EditReleaseOption};
use super::{at_most, required};
use crate::error::Result;
use crate::model::{FileName, NewRelease, ReleasePatch};

/// Longest title. Units: characters.
const TITLE_MAX: usize = 255;

/// Reads `CreateReleaseOption`; two dashes in front of a tag are dropped, as Gitea does.
pub fn new_release(option: CreateReleaseOption) -> Result<NewRelease> {
    required("TagName", &option.tag_name)?;
    at_most("Title", &option.name, TITLE_MAX)?;
    let tag = option.tag_name.trim();
    Ok(NewRelease {
        tag: tag.strip_prefix("--").unwrap_or(tag).to_owned(),
        target: option.target_commitish.trim().to_owned(),
        title: option.name,
        body: option.body,
        is_draft: option.draft,
        is_prerelease: option.prerelease,
        tag_message: option.tag_message,
    })
}

/// Reads `EditReleaseOption`; an empty text keeps the old one, as in Gitea.
pub fn release_patch(option: EditReleaseOption) -> Result<ReleasePatch> {
    at_most("Title", option.name.as_deref().unwrap_or_default(), TITLE_MAX)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(ReleasePatch {
        tag: given(option.tag_name.map(|tag| tag.trim().to_owned())),
        target: given(option.target_commitish.map(|target| target.trim().to_owned())),
        title: given(option.name),
        body: given(option.body),
        is_draft: option.draft,
        is_prerelease: option.prerelease,
    })
}

/// Reads `EditAttachmentOptions`; none: the name stays.
pub fn attachment_name(option: &EditAttachmentOptions) -> Result<Option<FileName>> {
    Some(option.name.as_str()).filter(|name| !name.is_empty()).map(FileName::new).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_need_a_tag_and_empty_texts_keep_what_is_there() {
        let missing = new_release(CreateReleaseOption { tag_name: " ".into(), ..CreateReleaseOption::default() });
        assert_eq!(missing.unwrap_err().public(), "[TagName]: Required");
        let long =
            CreateReleaseOption { tag_name: "v1".into(), name: "x".repeat(256), ..CreateReleaseOption::default() };
        assert_eq!(new_release(long).unwrap_err().public(), "[Title]: MaxSize");
        let dashed = CreateReleaseOption { tag_name: "--v1 ".into(), ..CreateReleaseOption::default() };
        assert_eq!(new_release(dashed).unwrap().tag, "v1");
        let empty = EditReleaseOption {
            tag_name: Some(String::new()),
            body: Some(String::new()),
            ..EditReleaseOption::default()
        };
        assert_eq!(release_patch(empty).unwrap(), ReleasePatch::default());
        assert_eq!(attachment_name(&EditAttachmentOptions::default()).unwrap(), None);
        assert!(attachment_name(&EditAttachmentOptions { name: "/".into() }).is_err());
    }
}
