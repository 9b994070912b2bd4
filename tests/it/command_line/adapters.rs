//! `adapters check` and what `doctor` says of adapters.

use std::fs;

use crate::{command_line::run, harness::folder::Folder};

#[tokio::test]
async fn every_example_is_a_good_file() {
    let folder = format!("{}/docs/adapters", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let files: Vec<_> = files.map(|it| it.display().to_string()).collect();
    assert_eq!(files.len(), 5);
    let mut arguments = vec!["adapters", "check"];
    arguments.extend(files.iter().map(String::as_str));
    let run = run(&arguments, &[]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.out.matches("ok    ").count(), 5, "{run:?}");
}

#[tokio::test]
async fn a_fault_is_told_before_the_server_takes_the_file_up() {
    let folder = Folder::new("adapters");
    let file = folder.path().join("nashmi.toml");
    let example = format!("{}/docs/adapters/nashmi.toml", env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(example).unwrap();
    fs::write(&file, example.replace("delivery.searching", "delivery.lost")).unwrap();
    let path = file.display().to_string();
    let run = run(&["adapters", "check", &path], &[]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out.contains("nashmi.toml: line 17: \"lost\" is not one of none, searching"),
        "{run:?}"
    );
}

#[tokio::test]
async fn the_doctor_looks_at_adapters_too() {
    let folder = Folder::new("adapters");
    let setting = format!("adapters_dir={}", folder.path().display());
    let data = Folder::new("data");
    let data = data.path().display().to_string();
    let doctor = ["doctor", "--data-dir", &data, "--set", &setting];
    let run_well = run(&doctor, &[]).await;
    assert!(run_well.out.contains("ok    adapters: 0 in"), "{run_well:?}");
    fs::write(folder.path().join("bad.toml"), "slug = 7").unwrap();
    let run_ill = run(&doctor, &[]).await;
    assert!(run_ill.out.contains("bad.toml: line 1: "), "{run_ill:?}");
    assert_eq!(run_ill.code, 1, "{run_ill:?}");
}
