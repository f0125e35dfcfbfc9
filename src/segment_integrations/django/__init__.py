"""
Django: add ``"segment_integrations.django"`` to `INSTALLED_APPS`.

The middleware, ``segment_integrations.django.middleware.SegmentMiddleware``, goes
directly after `AuthenticationMiddleware`; the settings are the dict `SEGMENT`.
"""
