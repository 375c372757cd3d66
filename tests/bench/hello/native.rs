//! The least axum server that answers with the bytes of our page. Says where it listens, ends when stdin closes.

use std::io::Read;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

const PAGE: &[u8] = include_bytes!("page.json");

async fn page() -> impl axum::response::IntoResponse {
    ([(CONTENT_TYPE, "application/json")], PAGE)
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        println!("{{\"url\":\"http://{address}\"}}");
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        // As the edge does: an answer is one piece, waiting for more only delays it.
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        let router = Router::new().fallback(page);
        axum::serve(listener, router).await.expect("serving");
    });
}
