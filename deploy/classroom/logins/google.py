"""Students log in with the Google accounts of their school; their Unix users are made for them."""

c = get_config()  # noqa: F821 (JupyterHub defines it)

c.JupyterHub.authenticator_class = "oauthenticator.google.LocalGoogleOAuthenticator"
c.GoogleOAuthenticator.client_id = "….apps.googleusercontent.com"
c.GoogleOAuthenticator.client_secret = "…"
c.GoogleOAuthenticator.oauth_callback_url = "https://notebooks.school.example/hub/oauth_callback"
# Everybody of this domain, and nobody else; amy@school.example becomes the user amy.
c.GoogleOAuthenticator.hosted_domain = ["school.example"]
c.GoogleOAuthenticator.allow_all = True

c.LocalAuthenticator.create_system_users = True
c.LocalAuthenticator.add_user_cmd = [
    *("useradd", "--create-home", "--key", "HOME_MODE=0700"),
    *("--shell", "/bin/bash", "--groups", "students"),
]
