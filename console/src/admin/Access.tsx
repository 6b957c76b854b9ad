import { Drawer, Tabs } from '@mantine/core';
import type { User } from '../api/client';
import { Logins } from '../session/Logins';
import { Grants } from './Grants';
import { May } from './May';

/** What one user may do, which fleets they see, and where they are signed in. */
export function Access({ user, onClose }: { user: User; onClose: () => void }) {
  return (
    <Drawer opened onClose={onClose} title={`Access of ${user.username}`} size="lg">
      <Tabs defaultValue="may" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="may">may do</Tabs.Tab>
          <Tabs.Tab value="fleets">fleets</Tabs.Tab>
          <Tabs.Tab value="sessions">sessions</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="may">
          <div className="drawer-body">
            <May userId={user.user_id} name={user.username} />
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="fleets">
          <div className="drawer-body stack">
            <p className="dim small">The fleets whose vehicles {user.username} sees.</p>
            <Grants user={user} />
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="sessions">
          <Logins userId={user.user_id} />
        </Tabs.Panel>
      </Tabs>
    </Drawer>
  );
}
