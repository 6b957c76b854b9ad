import './ui/mantine.css';
import './ui/base.css';
import './shell/shell.css';
import './runs/runs.css';
import './workbench/workbench.css';
import { createTheme, Drawer, MantineProvider, Modal, Tooltip } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { client } from './api/cache';
import { router } from './router';
import { session } from './session/session';

// Locking the scroll would need a style element in the page, which its policy does not permit.
const theme = createTheme({
  components: {
    Modal: Modal.extend({
      defaultProps: { lockScroll: false, centered: true, closeButtonProps: { 'aria-label': 'Close' } },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        lockScroll: false,
        position: 'right',
        size: 'lg',
        closeButtonProps: { 'aria-label': 'Close' },
      },
    }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300, withArrow: true } }),
  },
});

// Whoever cannot be asked now is asked again by the pages themselves.
await session.restore().catch(() => {});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
