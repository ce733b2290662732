"""What every Python client does with a server of the fixtures."""

import asyncio
import json

# What reaches this only hangs.
PATIENCE_S = 10


class Session:
    """One session. The methods that differ between the libraries are passed in; `cancels` says whether a cancellation
    can reach the call, `rounds` whether the revision has multi-round results."""

    def __init__(self, client, error, cancel, cancels, rounds):
        self.client = client
        self.error = error
        self.cancel_call = cancel
        self.cancels = cancels
        self.rounds = rounds

    async def text(self, tool, arguments=None):
        result = await self.client.call_tool(tool, arguments or {})
        return result.content[0].text

    async def run(self):
        await self.list()
        assert await self.text("test_simple_text") == "This is a simple text response for testing."
        await self.fail()
        if self.rounds:
            assert await self.text("test_input_required_result_elicitation") == "Hello, Ada!"
        elif self.cancels:
            # Without sessions the server cannot ask.
            assert await self.text("test_sampling", {"prompt": "Who?"}) == "LLM response: You asked: Who?"
            assert '"Ada"' in await self.text("test_elicitation", {"message": "Who?"})
        if self.cancels:
            await self.cancel()
        assert await self.text("test_simple_text") == "This is a simple text response for testing."

    async def list(self):
        tools = items(await self.client.list_tools(), "tools")
        assert any(tool.name == "test_simple_text" for tool in tools), tools
        assert len(items(await self.client.list_resources(), "resources")) == 3
        contents = items(await self.client.read_resource("test://template/7/data"), "contents")
        assert json.loads(contents[0].text)["id"] == "7"
        assert len(items(await self.client.list_prompts(), "prompts")) == 5
        prompt = await self.client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        assert prompt.messages[0].content.text == "Prompt with arguments: arg1='a', arg2='b'"

    async def fail(self):
        assert await self.fails("test_error_handling")
        assert await self.fails("no_such_tool")

    async def fails(self, tool):
        try:
            result = await self.client.call_tool(tool, {})
        except self.error:
            return True
        return getattr(result, "isError", None) or getattr(result, "is_error", None)

    async def cancel(self):
        before = int(await self.text("test_cancelled_calls"))
        call = asyncio.create_task(self.text("test_waiting_tool"))
        await self.counted("test_waiting_calls", 1)
        await self.cancel_call(call)
        await self.counted("test_cancelled_calls", before + 1)

    async def counted(self, tool, wanted):
        """Waits until the server counts that many."""
        async with asyncio.timeout(PATIENCE_S):
            while int(await self.text(tool)) != wanted:
                await asyncio.sleep(0.02)


def items(answer, name):
    return getattr(answer, name, answer)


def asked(messages):
    """What the server wants of the client's model."""
    content = messages[0].content
    return f"You asked: {(content[0] if isinstance(content, list) else content).text}"


FORM = {"name": "Ada", "username": "Ada", "email": "ada@example.org"}
