import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { fleetFaultsQuery } from '../api/queries';
import { SeverityMark } from '../ui/marks';
import { Empty, Loaded } from '../ui/notices';
import { Covered } from './Covered';

/** The faults that most vehicles have. */
export function TopFaults() {
  const faults = useQuery(fleetFaultsQuery({}, 8));
  return (
    <section className="panel" aria-label="Top faults">
      <header>
        <h2>Top faults</h2>
        {faults.data && <Covered of={faults.data.coverage} />}
        <span className="grow" />
        <Link to="/faults" search={{}} className="small">
          All faults
        </Link>
      </header>
      <Loaded of={faults}>
        {({ faults: found, coverage }) =>
          found.length === 0 ? (
            <Empty
              title={coverage.read + coverage.partly_read === 0 ? 'No vehicle has been read' : 'No faults'}
            >
              {coverage.unread > 0 && `Nothing is known of ${coverage.unread} vehicles.`}
            </Empty>
          ) : (
            <div className="grid-wrap">
              <table className="grid">
                <tbody>
                  {found.map((fault) => (
                    <tr key={`${fault.entity} ${fault.code}`}>
                      <td>
                        <SeverityMark severity={fault.severity} />
                      </td>
                      <td className="mono">
                        <Link to="/faults" search={{ code: fault.code, where: fault.entity }}>
                          {fault.code}
                        </Link>
                      </td>
                      <td>{fault.text}</td>
                      <td className="num nowrap">
                        {fault.vehicles === 1 ? '1 vehicle' : `${fault.vehicles} vehicles`}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </section>
  );
}
