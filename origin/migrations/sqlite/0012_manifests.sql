-- Manifests that still have their text. It goes when nothing may ask for it any more; that one was issued stays known.
CREATE INDEX manifests_with_text ON manifests (issued_ms) WHERE length(envelope) > 0;
