use super::*;

const PAGE: &str = "https://example.com/shop/";

fn block(policy: &str, purpose: Purpose<'_>, url: &str) -> Option<Block> {
    let (url, page) = (Url::parse(url).unwrap(), Url::parse(PAGE).unwrap());
    let load = Load { purpose, url: &url, page: &page, redirected: false };
    Policy::parse(policy).iter().find_map(|policy| policy.blocks(&load))
}

fn script(policy: &str, url: &str) -> Option<Block> {
    block(policy, Purpose::Script { nonce: None, integrity: None }, url)
}

const OTHER: &str = "https://f.example.net/footfall.js";

#[test]
fn sources_that_allow_a_script_allow_it() {
    for policy in [
        "",
        "img-src 'none'",
        "script-src *",
        "script-src https:",
        "script-src http:",
        "script-src f.example.net",
        "script-src F.Example.NET",
        "script-src https://f.example.net",
        "script-src http://f.example.net",
        "script-src http://f.example.net:80",
        "script-src https://f.example.net:443",
        "script-src https://f.example.net:*",
        "script-src *.example.net",
        "script-src *.net:443",
        "script-src f.example.net/",
        "script-src f.example.net/footfall.js",
        "script-src 'none' https://f.example.net",
        "script-src-elem f.example.net; script-src 'none'; default-src 'none'",
        "default-src 'none'; SCRIPT-SRC f.example.net",
        "default-src f.example.net",
        "script-src f.example.net; script-src 'none'",
        "script-src f.example.net 'nonce-abc'",
        "script-src f.example.net, default-src https:",
    ] {
        assert_eq!(script(policy, OTHER), None, "{policy}");
    }
    assert_eq!(script("script-src 'SELF'", "https://example.com/footfall.js"), None);
    assert_eq!(script("script-src example.com/%66ootfall.js", "https://example.com/%66ootfall.js"), None);
}

#[test]
fn sources_that_do_not_allow_a_script_block_it() {
    for policy in [
        "script-src",
        "script-src 'none'",
        "script-src 'self'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "script-src data: blob:",
        "script-src wss:",
        "script-src example.net",
        "script-src *.f.example.net",
        "script-src f.example.net.evil.test",
        "script-src f.example.net:8443",
        "script-src f.example.net/other.js",
        "script-src f.example.net/footfall.js/",
        "script-src 'none'; script-src *",
        "script-src-elem 'self'; script-src *",
        "default-src 'self'",
        "script-src *, script-src 'self'",
        "script-src 'nonce-abc'",
        "script-src f.example.net 'strict-dynamic' 'nonce-abc'",
    ] {
        assert!(script(policy, OTHER).is_some(), "{policy}");
    }
    for url in ["http://f.example.net/footfall.js", "https://f.example.net:8443/footfall.js"] {
        assert!(script("script-src f.example.net", url).is_some(), "{url}");
        assert!(script("script-src 'self'", url).is_some(), "{url}");
    }
}

#[test]
fn a_nonce_or_a_hash_allows_a_script_and_nothing_else() {
    let with = |policy, nonce, integrity| block(policy, Purpose::Script { nonce, integrity }, OTHER);
    let strict = "script-src 'strict-dynamic' 'nonce-aBc' 'sha256-x='";
    assert_eq!(with(strict, Some("aBc"), None), None);
    assert_eq!(with(strict, None, Some("sha256-x=")), None);
    assert!(with(strict, Some("abc"), None).is_some(), "a nonce's case matters");
    assert!(with(strict, Some(""), None).is_some());
    assert!(with(strict, None, Some("sha256-x= sha384-y=")).is_some(), "each hash must be a source");
    assert!(block("connect-src 'nonce-aBc'", Purpose::Sending, OTHER).is_some());
}

#[test]
fn sending_and_images_have_directives_of_their_own() {
    let policy = "default-src 'self'; connect-src https://f.example.net; img-src data:";
    assert_eq!(block(policy, Purpose::Sending, "https://f.example.net/v"), None);
    let image = block(policy, Purpose::Image, "https://f.example.net/v/a.gif").unwrap();
    assert_eq!(image.by, "img-src data:");
    assert_eq!(image.right, "img-src data: https://f.example.net");
    assert!(script(policy, OTHER).is_some());
}

#[test]
fn the_exact_directive_is_told() {
    let right = |policy| script(policy, OTHER).unwrap().right;
    assert_eq!(right("script-src 'self'"), "script-src 'self' https://f.example.net");
    assert_eq!(right("script-src 'none'"), "script-src https://f.example.net");
    assert_eq!(right("default-src 'self' cdn.test"), "script-src 'self' cdn.test https://f.example.net");
    assert_eq!(right("script-src-elem a.test"), "script-src-elem a.test https://f.example.net");
    let own = script("script-src cdn.test", "https://example.com/footfall.js").unwrap();
    assert_eq!(own.right, "script-src cdn.test 'self'");
    let sending = block("default-src 'none'", Purpose::Sending, "https://f.example.net:8443/v").unwrap();
    assert_eq!(sending.right, "connect-src https://f.example.net:8443");
    for policy in ["script-src 'self'", "default-src 'self' cdn.test", "script-src 'none'"] {
        assert_eq!(script(&right(policy), OTHER), None, "{policy}: what is told works");
    }
}

#[test]
fn a_nonce_is_not_shown() {
    let block = script("script-src 'nonce-secret' 'self'", OTHER).unwrap();
    assert!(!format!("{block:?}").contains("secret"));
    assert_eq!(block.right, "script-src 'nonce-…' 'self' https://f.example.net");
    assert!(script("script-src 'strict-dynamic' 'nonce-secret'", OTHER).unwrap().right.contains("nonce of the page"));
}

#[test]
fn after_a_redirect_paths_are_not_compared() {
    let (url, page) = (Url::parse(OTHER).unwrap(), Url::parse(PAGE).unwrap());
    let purpose = Purpose::Script { nonce: None, integrity: None };
    let policy = &Policy::parse("script-src f.example.net/other.js")[0];
    assert!(policy.blocks(&Load { purpose, url: &url, page: &page, redirected: false }).is_some());
    assert!(policy.blocks(&Load { purpose, url: &url, page: &page, redirected: true }).is_none());
}

#[test]
fn a_sandbox_without_scripts_runs_none() {
    assert!(Policy::parse("sandbox")[0].forbids_scripts());
    assert!(Policy::parse("sandbox allow-forms")[0].forbids_scripts());
    assert!(!Policy::parse("sandbox allow-forms allow-scripts")[0].forbids_scripts());
    assert!(Policy::parse("upgrade-insecure-requests; default-src *")[0].upgrades());
    assert!(Policy::parse(" ; , ;").is_empty());
}
