//! stub
pub fn help() -> String {
    String::new()
}
