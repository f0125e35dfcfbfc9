"""Members who sign in by address, their notes, and an archive elsewhere."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Members(BaseUserManager):
    def create_user(self, email, password=None, **fields):
        member = self.model(email=self.normalize_email(email), **fields)
        member.set_password(password)
        member.save()
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)

    objects = Members()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ()

    def __str__(self):
        return self.email


class Note(models.Model):
    owner = models.ForeignKey(Member, models.CASCADE, null=True)
    text = models.CharField(max_length=40)

    def __str__(self):
        return self.text

    def get_absolute_url(self):
        return f"/notes/{self.pk}/"


class Entry(models.Model):
    text = models.CharField(max_length=40)

    def __str__(self):
        return self.text


class Router:
    """Entries are in the archive, all else is not."""

    def _of(self, name):
        return "archive" if name == "entry" else "default"

    def db_for_read(self, model, **hints):
        return self._of(model._meta.model_name)

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return db == self._of(model_name)
