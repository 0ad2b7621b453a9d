"""Live chat with a project's systems, without any page: see :class:`Desk`."""

from preceptor.studio.chat.desk import Desk, Finished, Limits
from preceptor.studio.chat.jobs import Job, Keeper, State
from preceptor.studio.chat.pieces import Since

__all__ = ["Desk", "Finished", "Job", "Keeper", "Limits", "Since", "State"]
