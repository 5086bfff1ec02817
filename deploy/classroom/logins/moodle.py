"""Students come from Moodle by LTI 1.3, where they are logged in; Unix users are made for them."""

from jupyterhub.auth import LocalAuthenticator
from ltiauthenticator.lti13.auth import LTI13Authenticator


class LocalLTI13Authenticator(LocalAuthenticator, LTI13Authenticator):
    """Who comes from Moodle becomes a user of the machine."""


c = get_config()  # noqa: F821 (JupyterHub defines it)

c.JupyterHub.authenticator_class = LocalLTI13Authenticator
c.LTI13Authenticator.issuer = "https://moodle.school.example"
c.LTI13Authenticator.authorize_url = "https://moodle.school.example/mod/lti/auth.php"
c.LTI13Authenticator.jwks_endpoint = "https://moodle.school.example/mod/lti/certs.php"
c.LTI13Authenticator.client_id = {"what Moodle shows as the client ID"}
# In Moodle, give the tool the custom parameter uname=$User.username
c.LTI13Authenticator.username_key = "custom_uname"
c.LTI13Authenticator.allow_all = True

c.LocalAuthenticator.create_system_users = True
c.LocalAuthenticator.add_user_cmd = [
    *("useradd", "--create-home", "--key", "HOME_MODE=0700"),
    *("--shell", "/bin/bash", "--groups", "students"),
]
