//! Binding: a TCP port or a Unix socket, with an error that says what to do when it is taken.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::address::ListenAddr;
use super::stream::Stream;

/// Who may connect to a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;
/// How long a process behind an existing Unix socket may take to answer before it counts as there.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// A bound socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, file: SocketFile },
}

/// The file of a Unix socket of ours; removed when dropped, unless another has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`: {source}{}", hint(source))]
pub struct BindError {
    address: ListenAddr,
    source: io::Error,
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "\nhint: another process listens there; stop it, or choose another address"
        }
        io::ErrorKind::AddrNotAvailable => "\nhint: no interface of this machine has that address",
        io::ErrorKind::PermissionDenied => {
            "\nhint: choose a port above 1023, or a directory that this user may write to"
        }
        io::ErrorKind::NotFound => "\nhint: the directory of the socket must exist",
        _ => "",
    }
}

// === impl Listener ===

impl Listener {
    /// Binds an address. The stale file of a Unix socket that nobody answers on is replaced.
    pub async fn bind(address: &ListenAddr) -> Result<Self, BindError> {
        let bound = match address {
            ListenAddr::Tcp(text) => TcpListener::bind(text.as_str()).await.map(Socket::Tcp),
            ListenAddr::Unix(path) => bind_unix(path).await,
        };
        match bound {
            Ok(socket) => Ok(Self { socket }),
            Err(source) => Err(BindError { address: address.clone(), source }),
        }
    }

    /// The address in fact bound: a port of 0 has become the port that the system chose.
    pub fn address(&self) -> ListenAddr {
        match &self.socket {
            Socket::Tcp(listener) => ListenAddr::Tcp(
                listener.local_addr().map_or_else(|_| String::new(), |at| at.to_string()),
            ),
            Socket::Unix { file, .. } => ListenAddr::Unix(file.path.clone()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and written whole: waiting for more to send only delays them.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Socket::Unix { listener, .. } => {
                listener.accept().await.map(|(stream, _)| Stream::Unix(stream))
            }
        }
    }
}

async fn bind_unix(path: &Path) -> io::Result<Socket> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let message = "a file that is not a socket is there";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Ok(_) if answers(path).await => return Err(io::ErrorKind::AddrInUse.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Bound under another name, given its mode, then renamed: at no moment is there a socket under
    // the name that others may connect to, nor a name without a socket.
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    if fs::symlink_metadata(&temporary).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        fs::remove_file(&temporary)?;
    }
    let listener = UnixListener::bind(&temporary)?;
    let placed = place(&temporary, path);
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    let file = SocketFile { path: path.to_owned(), identity: placed? };
    Ok(Socket::Unix { listener, file })
}

fn place(temporary: &Path, path: &Path) -> io::Result<(u64, u64)> {
    fs::set_permissions(temporary, fs::Permissions::from_mode(SOCKET_MODE))?;
    fs::rename(temporary, path)?;
    identity(path)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether a process accepts connections on the socket. One that does not say so in time counts as
/// there: to take the socket of a live process away is worse than to refuse to start.
async fn answers(path: &Path) -> bool {
    match tokio::time::timeout(PROBE_TIMEOUT, UnixStream::connect(path)).await {
        Ok(Err(error)) => {
            !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
        }
        Ok(Ok(_)) | Err(_) => true,
    }
}

// === impl SocketFile ===

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
