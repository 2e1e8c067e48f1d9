"""Access tokens of another issuer (OpenID Connect)."""
