"""The routes: each reads the request, calls one verb or view of flow, and shows what came of it."""
