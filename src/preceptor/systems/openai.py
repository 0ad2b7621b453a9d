"""Any OpenAI-compatible endpoint: chat completions, and the Responses API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from preceptor.records import Completion, Message, Role
from preceptor.systems.base import Ask, Parameters, ToolSpec
from preceptor.systems.events import EventReader
from preceptor.systems.http_model import Exchange, HttpModel, merged, present
from preceptor.systems.openai_replies import ChatEvents, parse_chat
from preceptor.systems.parts import chat_messages, chat_tools, responses_items, responses_tools
from preceptor.systems.prices import Price
from preceptor.systems.responses_replies import ResponseEvents, parse_responses

__all__ = ["OLDER_MODELS", "REASONING_MODELS", "ChatModel"]

#: Models that take a temperature and ``max_tokens``; later ones take neither.
OLDER_MODELS = ("gpt-3", "gpt-4", "chatgpt-4")
#: The later ones, where a name may be anything else, too.
REASONING_MODELS = ("gpt-5", "o1", "o3", "o4")


class ChatModel(HttpModel):
    """A model behind ``POST {base_url}/chat/completions`` or ``POST {base_url}/responses``.

    The Responses API is used where ``api=responses`` says so, and for OpenAI's own models where a
    reasoning effort is asked for.
    """

    def __init__(
        self,
        address: str,
        base_url: str,
        model: str,
        api_key: str | None,
        parameters: Parameters,
        *,
        price: Price | None = None,
        provider: str = "openai-compatible",
    ) -> None:
        super().__init__(
            address,
            base_url,
            model,
            parameters,
            headers=self._authorization(api_key) if api_key else {},
            secret=api_key,
            price=price,
        )
        self.provider = provider
        #: Whether parameters are those of OpenAI's own models.
        self.own = provider in ("openai", "azure")
        implied = "responses" if self.own and parameters.reasoning_effort else "chat"
        self.api = parameters.api or implied
        if self.api == "chat":  # whose tools give texts alone
            self.capabilities = self.capabilities - {"tool_media"} | {"token_probabilities"}
            self.remedies = {"tool_media": "-p api=responses takes them, where the server has it"}
        else:
            self.remedies = {"token_probabilities": "-p api=chat gives them, where the model does"}

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "api": self.api}

    def exchange(self, ask: Ask, *, stream: bool = False) -> Exchange:
        sent = self.sent(ask.messages)
        events: Callable[[], EventReader[Completion]]
        if self.api == "responses":
            payload = self._responses_payload(sent, ask.tools)
            streaming: dict[str, Any] = {"stream": True}
            parse, events = parse_responses, ResponseEvents
        else:
            payload = self._chat_payload(sent, ask)
            # Without the option a stream says nothing of tokens.
            streaming = {"stream": True, "stream_options": {"include_usage": True}}
            parse, events = parse_chat, ChatEvents
        payload = merged(payload | (streaming if stream else {}), self.parameters.extra_body)
        return Exchange(self._path(), payload, parse, events if stream else None)

    def _reasons(self) -> bool:
        """Whether it is one of OpenAI's models that reason; a deployment's name may be any."""
        named = self.provider == "openai" and not self.model.startswith(OLDER_MODELS)
        return named or (self.own and self.parameters.reasoning_effort is not None)

    def _path(self) -> str:
        return "/responses" if self.api == "responses" else "/chat/completions"

    def _authorization(self, api_key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {api_key}"}

    def _system_role(self) -> Role:
        return "developer" if self.api == "responses" else "system"

    def _chat_payload(self, sent: tuple[Message, ...], ask: Ask) -> dict[str, Any]:
        parameters = self.parameters
        # OpenAI's reasoning models know only the newer name, other servers often only the older.
        newer = self.own and not self.model.startswith(OLDER_MODELS)
        optional = {
            "temperature": parameters.temperature,
            "max_completion_tokens" if newer else "max_tokens": parameters.max_tokens,
            "reasoning_effort": parameters.reasoning_effort,
            "verbosity": parameters.verbosity,
            # Repeats of one question must differ though the run is seeded.
            "seed": None if parameters.seed is None else parameters.seed + ask.repeat,
            "tools": chat_tools(ask.tools) or None,
        }
        return {
            "model": self.model,
            "messages": chat_messages(sent),
            **present(optional),
        }

    def _responses_payload(
        self, sent: tuple[Message, ...], tools: tuple[ToolSpec, ...]
    ) -> dict[str, Any]:
        parameters = self.parameters
        effort, verbosity = parameters.reasoning_effort, parameters.verbosity
        optional = {
            "temperature": parameters.temperature,
            "max_output_tokens": parameters.max_tokens,
            "reasoning": None if effort is None else {"effort": effort},
            "text": None if verbosity is None else {"verbosity": verbosity},
            "tools": responses_tools(tools) or None,
            "include": ["reasoning.encrypted_content"] if tools and self._reasons() else None,
        }
        return {
            "model": self.model,
            "input": responses_items(sent),
            "store": False,
            **present(optional),
        }
