// GET /v1/openapi.json: OpenAPI 3.1, made from the route table, so that no route is missing in it.
import { json } from './errors.ts'
import type { Route } from './router.ts'

/** The route, about the given routes and itself. */
export function openapiRoutes(routes: readonly Route[], version: string): readonly Route[] {
  const self: Route = {
    method: 'GET',
    path: '/v1/openapi.json',
    access: 'public',
    about: 'This page.',
    handle: async () => json(200, document),
  }
  const document = describe([...routes, self], version)
  return [self]
}

function describe(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const place = paths[route.path] ?? {}
    place[route.method.toLowerCase()] = operation(route)
    paths[route.path] = place
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Logdrive', version, description: 'See docs/http.md for bodies and examples.' },
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key of collector.keys.' },
        write_key: { type: 'http', scheme: 'basic', description: 'The key as user name, without password.' },
        query_key: { type: 'apiKey', in: 'query', name: 'k', description: 'Tracking keys only.' },
      },
      schemas: { Error: errorSchema },
      responses: {
        Error: {
          description: 'What went wrong.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  }
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'hint'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        hint: { type: ['string', 'null'] },
      },
    },
  },
}

function operation(route: Route): object {
  const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    return { name, in: 'path', required: true, schema: { type: 'string' } }
  })
  const security =
    route.access === 'track' ? [{ key: [] }, { write_key: [] }, { query_key: [] }] : [{ key: [] }]
  return {
    summary: route.about,
    'x-access': route.access,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.access === 'public' ? {} : { security }),
    responses: { 200: { description: 'Done.' }, default: { $ref: '#/components/responses/Error' } },
  }
}
