import { Link } from './page.tsx'
import type { PageRequest, Topic } from './page-route.ts'
import { ORG_PAGES, OrgPage, orgReader } from './org-page.tsx'
import { render } from './render.tsx'

/** What an organisation's admins and auditors find of it here. */
export const orgTopic: Topic = {
  routes: [{ method: 'GET', path: '/org', who: 'signedIn', handle: showOrg }],
}

async function showOrg(page: PageRequest): Promise<void> {
  const { orgId } = orgReader(page).caller
  const name = (await page.ports.reads.orgs.find(orgId))?.name ?? ''
  render(
    page.res,
    200,
    <OrgPage title={name}>
      <dl>
        {ORG_PAGES.map(({ path, name: called, about }) => (
          <div key={path}>
            <dt>
              <Link to={path}>{called}</Link>
            </dt>
            <dd>{about}</dd>
          </div>
        ))}
      </dl>
    </OrgPage>,
  )
}
