"""What every recorded session of a Python client does."""


async def session(client, content, ping):
    """`content` takes the structured content out of a result; the two lines have other names for it."""
    tools = await client.list_tools()
    assert len(getattr(tools, "tools", tools)) == 4, tools
    assert content(await client.call_tool("echo", {"message": "hello"}))["message"] == "hello"
    assert content(await client.call_tool("calculate_fibonacci", {"n": 10}))["result"] == 55
    assert content(await client.call_tool("query_products", {}))["total_found"] == 2251
    if ping:
        await ping()
