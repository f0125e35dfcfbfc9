"""Settings of the Django shop. The write key is read from ``SEGMENT_WRITE_KEY``."""

from segment_integrations.demo import users

SECRET_KEY = users.secret()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "segment_integrations.demo.django_shop.urls"
WSGI_APPLICATION = "segment_integrations.demo.django_shop.wsgi.application"
ASGI_APPLICATION = "segment_integrations.demo.django_shop.asgi.application"
APPEND_SLASH = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "segment_integrations.django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "segment_integrations.django.middleware.SegmentMiddleware",
]
SEGMENT = {"ANONYMOUS_COOKIE": True}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": users.database().absolute(),
        "OPTIONS": {"timeout": users.SQLITE_TIMEOUT_S},
    }
}
