//! Which of flag, file and default decides, and what is refused.

use super::*;

/// The configuration of a file's text under overrides.
fn resolve(text: &str, over: Overrides) -> Config {
    let path = Path::new("etc/doorward.yaml");
    Config::resolve(over, path, ConfigFile::parse(path, text).unwrap())
}

#[test]
fn a_flag_comes_before_the_file_and_the_file_before_the_default() {
    let flag = Origin::Flag("--listen".to_owned());
    let listen = Sourced::new("127.0.0.1:1".parse().unwrap(), flag);
    let over = Overrides { listen: Some(listen), ..Overrides::default() };
    let config = resolve("listen: 127.0.0.1:2\nforbid_errors: skip\n", over);
    assert_eq!(config.listen.value.to_string(), "127.0.0.1:1");
    assert_eq!(config.listen.origin.kind(), "flag");
    assert_eq!(config.forbid_errors.value, ForbidErrors::Skip);
    assert_eq!(config.forbid_errors.origin.to_string(), "file etc/doorward.yaml");
    assert_eq!(config.references, Sourced::default_of(References::Strict));
}

#[test]
fn what_is_shown_as_yaml_is_a_configuration_file_again() {
    let text = "policies: [policies, \"other dir/x: y.cedar\"]\nlisten: \"[::1]:80\"\n\
                data_dir: \"true\"\nephemeral: true\nadmin: {hosts: [a.example]}\n\
                limits: {check_bytes: 1 MiB, head_timeout: 1500ms}\n\
                authzen: {types: {\"my:type\": User}, public_url: \"https://a.example/#\"}\n";
    let text = text.replace("/#", "");
    let config = resolve(&text, Overrides::default());
    let shown = config.to_yaml();
    // Paths are shown from the working directory, so the file is read as if it lay there.
    let path = Path::new("doorward.yaml");
    let again = Config::resolve(
        Overrides::default(),
        path,
        ConfigFile::parse(path, &shown).unwrap_or_else(|problem| panic!("{problem}\n{shown}")),
    );
    let values = |config: &Config| -> Vec<_> {
        config.entries().into_iter().map(|entry| (entry.key, entry.value)).collect()
    };
    assert_eq!(values(&again), values(&config), "{shown}");
}

#[test]
fn the_limits_reach_the_modules_that_keep_them() {
    let text = "limits: {check_bytes: 1 KiB, depth: 32, connections: 7, entities_bytes: 5 GiB}\n";
    let limits = resolve(text, Overrides::default()).limits;
    assert_eq!(limits.http_limits().check_bytes, 1024);
    assert_eq!(limits.http_limits().depth, 32);
    assert_eq!(limits.gate_limits().depth_max, 32);
    assert_eq!(limits.server_options().connections_max, 7);
    assert_eq!(limits.file_limits().entities_bytes_max, 5 << 30);
}

/// The defaults of the modules are the defaults of the configuration.
#[test]
fn without_a_file_the_modules_have_their_own_defaults() {
    let limits = resolve("", Overrides::default()).limits;
    assert_eq!(limits.http_limits(), crate::http::Limits::default());
    assert_eq!(limits.server_options(), crate::server::Options::default());
    assert_eq!(limits.gate_limits(), engine::gate::Limits::default());
    assert_eq!(limits.file_limits(), crate::sources::FileLimits::default());
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let problem = resolve(text, Overrides::default()).judge().unwrap_err();
    assert!(problem.message.contains(why), "{problem}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    refused("listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:1\n", "are both");
    refused("limits: {depth: 65}\n", "64 is the most");
    refused("authzen: {public_url: ftp://a}\n", "public_url");
    let both_free = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    assert!(resolve(both_free, Overrides::default()).judge().is_ok());
}
